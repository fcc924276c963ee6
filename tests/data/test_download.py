from __future__ import annotations

import hashlib
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web import Web, serving

from secondlook.data.read import download
from secondlook.data.read.download import fetch
from secondlook.errors import DataError

CONTENT = bytes(range(256)) * 40
SUM = hashlib.sha256(CONTENT).digest()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.files["/set/cat.npy"] = CONTENT
        yield web


def check(file: Path) -> str:
    return "" if hashlib.sha256(file.read_bytes()).digest() == SUM else "sent another file"


def get(web: Web, folder: Path, path: str = "/set/cat.npy") -> str:
    return fetch([web.address(path)], folder / "cat.npy", check)


def ranges(web: Web) -> list[str | None]:
    return [headers.get("Range") for _, headers in web.asked]


def whole(folder: Path) -> bool:
    """Whether the file is there with all its bytes, and nothing beside it."""
    return [p.name for p in folder.iterdir()] == ["cat.npy"] and (folder / "cat.npy").read_bytes() == CONTENT


def test_a_file_is_fetched_whole_and_only_once(web: Web, tmp_path: Path) -> None:
    assert get(web, tmp_path / "sets") == ""
    assert whole(tmp_path / "sets")
    assert get(web, tmp_path / "sets") == ""
    assert len(web.asked) == 1
    assert web.asked[0][1]["User-Agent"].startswith("secondlook/")


def test_a_broken_connection_is_resumed_where_it_broke(web: Web, tmp_path: Path) -> None:
    web.breaks = [1000, 3000]
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)
    assert ranges(web) == [None, "bytes=1000-", "bytes=4000-"]
    assert web.asked[1][1]["If-Range"] == '"one"'


def test_a_later_start_goes_on_from_what_has_come(web: Web, tmp_path: Path) -> None:
    web.breaks = [1000, 0]
    assert "the connection broke off after 1,000 of 10,240 bytes" in get(web, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".cat.npy.part", ".cat.npy.part.json"]
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)
    assert ranges(web)[-1] == "bytes=1000-"


def test_a_server_that_keeps_breaking_off_is_left(web: Web, tmp_path: Path) -> None:
    web.breaks = [1] * 100
    assert "broke off after 5 of" in get(web, tmp_path)
    assert len(web.asked) == 5


def test_a_file_that_changed_meanwhile_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    web.files["/set/cat.npy"] = CONTENT[::-1]
    web.breaks = [1000, 0]
    get(web, tmp_path)
    web.files["/set/cat.npy"], web.tag = CONTENT, '"two"'
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_mark_on_the_file_nothing_is_resumed(web: Web, tmp_path: Path, tag: str) -> None:
    web.tag, web.breaks = tag, [1000]
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)
    assert ranges(web) == [None, None]


def test_a_server_that_cannot_resume_sends_everything(web: Web, tmp_path: Path) -> None:
    web.resumes, web.breaks = False, [1000]
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)


def test_a_piece_from_elsewhere_is_not_appended(web: Web, tmp_path: Path) -> None:
    web.shift, web.breaks = 7, [1000]
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)
    assert ranges(web) == [None, "bytes=1000-", None]


def test_what_has_come_beyond_the_end_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    web.breaks = [1000, 0]
    get(web, tmp_path)
    (tmp_path / ".cat.npy.part").write_bytes(CONTENT + b"more")
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)


def test_a_server_that_sends_pieces_at_random_is_told_so(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_ATTEMPTS", 2)
    web.shift, web.breaks = 7, [1000]
    assert get(web, tmp_path).endswith("answered with another piece than was asked for")
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    web.breaks = [1000]
    get(web, tmp_path)
    (tmp_path / ".cat.npy.part").write_bytes(CONTENT + b"more")
    assert get(web, tmp_path).endswith("the server has no more of it")


def test_a_note_that_cannot_be_read_is_no_note(web: Web, tmp_path: Path) -> None:
    (tmp_path / ".cat.npy.part").write_bytes(b"x" * 100)
    (tmp_path / ".cat.npy.part.json").write_text("{broken")
    assert get(web, tmp_path) == ""
    assert whole(tmp_path)


def test_another_file_than_expected_is_dropped_and_the_next_address_tried(web: Web, tmp_path: Path) -> None:
    web.files["/mirror/cat.npy"] = CONTENT
    web.files["/set/cat.npy"] = b"<html>please log in</html>"
    assert get(web, tmp_path) == f"{web.address('/set/cat.npy')}: sent another file"
    assert list(tmp_path.iterdir()) == []
    assert fetch([web.address("/set/cat.npy"), web.address("/mirror/cat.npy")], tmp_path / "cat.npy", check) == ""
    assert whole(tmp_path)


@pytest.mark.parametrize(("code", "answer"), [(404, "answered 404 Not Found"), (503, "answered 503 Service")])
def test_an_address_without_the_file_is_named_with_its_answer(web: Web, tmp_path: Path, code: int, answer: str) -> None:
    web.code = code
    assert f"{web.address('/set/cat.npy')}: {answer}" in get(web, tmp_path)
    assert not (tmp_path / "cat.npy").exists()


def test_a_redirect_is_followed(web: Web, tmp_path: Path) -> None:
    web.moved["/old/cat.npy"] = web.address("/set/cat.npy")
    assert get(web, tmp_path, "/old/cat.npy") == ""
    assert whole(tmp_path)


def test_a_redirect_without_end_is_no_endless_loop(web: Web, tmp_path: Path) -> None:
    web.moved["/round"] = web.address("/round")
    assert "302" in get(web, tmp_path, "/round")


def test_a_silent_server_is_left_after_a_while(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT_SECONDS", 0.2)
    with web.silent:
        assert "timed out" in get(web, tmp_path)


def test_no_server_at_all_is_said(tmp_path: Path) -> None:
    with serving() as web:
        address = web.address("/cat.npy")
    assert fetch([address], tmp_path / "cat.npy", check) == f"{address}: Connection refused"


def test_a_folder_that_cannot_be_written_is_refused(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = r"cat\.npy: expected a folder that can be written and has room, got 'Not a directory'.* SECONDLOOK_SETS"
    with pytest.raises(DataError, match=message):
        get(web, tmp_path / "file" / "sets")


def test_two_who_want_the_same_file_get_it_with_one_download(web: Web, tmp_path: Path) -> None:
    with web.silent:
        both = [threading.Thread(target=get, args=(web, tmp_path)) for _ in range(2)]
        for thread in both:
            thread.start()
    for thread in both:
        thread.join()
    assert whole(tmp_path)
    assert len(web.asked) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_on_a_terminal_and_nothing_elsewhere(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.0)
    get(web, tmp_path / "quiet")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    get(web, tmp_path / "loud")
    line = "downloading cat.npy: 0.0 of 0.0 MB"
    assert terminal.getvalue() == f"\r{line}\r{' ' * len(line)}\r"
