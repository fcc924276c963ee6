"""Audits end to end: what is read, judged and written, exit codes, refusals; the checks themselves are tested apart."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import secondlook as sl
from secondlook.data.audit import Measured
from secondlook.data.plan import plan
from secondlook.errors import DataError, RunError, SecondlookError, UsageError
from secondlook.judge.findings import DataContext
from secondlook.judge.registry import Check
from secondlook.runs.store import open_next
from secondlook.types import Finding


def photos(path: Path, classes: Sequence[str] = ("cat", "dog"), each: int = 12, start: int = 0) -> Path:
    """A folder per class with grey squares, no two alike."""
    for c, name in enumerate(classes):
        (path / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            pixels = np.random.default_rng(start + 1000 * c + i).integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{i}.png")
    return path


def first_items(context: DataContext) -> Finding:
    """A finding about the first two items, as serious as its name says."""
    return Finding("D901", "2 images were looked at", "info", {"images": 2}, "Nothing.", tuple(context.items([0, 1])))


def always(severity: Any) -> Any:
    def find(context: DataContext) -> Finding | None:
        if severity is None:
            return None
        return Finding("D902", "this is how it is", severity, {"n": len(context.images)}, "Do so.")

    return find


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replaces the checks by made-up ones: D901 tells of two items, D902 is as severe as asked, D903 never applies."""

    def with_severity(severity: Any) -> None:
        checks = (
            Check("D901", "Looks at two images.", lambda context: "", first_items),
            Check("D902", "Says how it is.", lambda context: "", always(severity)),
            Check("D903", "Never applies.", lambda context: "never", always("serious")),
        )
        monkeypatch.setattr("secondlook.judge.findings.data_checks", lambda: checks)

    with_severity(None)
    return with_severity


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capfd: Any, tmp_path: Path) -> Any:
    """Runs the command in tmp_path: (exit code, stdout, stderr)."""
    from secondlook.cli import main as entry

    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as end:
            entry()
        return (int(end.value.code or 0), *capfd.readouterr())

    return run


def test_an_audit_holds_what_was_read_found_and_not_found(judge: Any, tmp_path: Path) -> None:
    judge("warning")
    photos(tmp_path / "photos")
    (tmp_path / "photos" / "cat" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = sl.audit(tmp_path / "photos", out=tmp_path / "out", quiet=True)
    assert [f.code for f in found.findings] == ["D902", "D901"]
    assert (found.silent, dict(found.not_applicable), found.muted) == ((), {"D903": "never"}, ())
    assert not found.serious
    data = found.data
    assert (data["n"], data["classes"], data["shape"]) == (24, ["cat", "dog"], [8, 8, 1])
    assert {part: sum(row) for part, row in data["counts"].items()} == {"train": 16, "valid": 4, "test": 4}
    assert np.sum([*data["counts"].values()], axis=0).tolist() == [12, 12]
    assert (data["chance"], data["majority"], data["why_no_split"]) == (0.5, 0.5, "")
    assert data["split"].startswith("stratified by class")
    assert [(f["name"], f["kind"]) for f in data["faults"]] == [("cat/bad.png", "broken")]
    images = sl.read(tmp_path / "photos")
    assert data["fingerprint"] == images.fingerprint
    assert found.thumbnails.items.tolist() == [0, 1]
    np.testing.assert_array_equal(found.thumbnails.pixels, images.pixels[:2])


def test_an_audit_answers_by_code_as_a_table_and_as_a_picture(judge: Any, tmp_path: Path) -> None:
    judge("warning")
    found = sl.audit(photos(tmp_path / "photos"), out=tmp_path / "out", quiet=True)
    assert found["D902"].title == "this is how it is"
    with pytest.raises(KeyError, match="no finding 'D101' in this audit; it has D902, D901"):
        found["D101"]
    table = found.frame()
    assert table.to_dict("list") == {
        "code": ["D902", "D901"],
        "severity": ["warning", "info"],
        "title": ["this is how it is", "2 images were looked at"],
        "items": [0, 2],
        "advice": ["Do so.", "Nothing."],
    }
    assert len(found.plot().containers) == 3


def test_the_split_is_the_one_that_a_comparison_would_use(judge: Any, tmp_path: Path) -> None:
    X, y = np.random.default_rng(0).integers(0, 255, (60, 6, 6), dtype=np.uint8), np.arange(60) % 3
    found = sl.audit((X, y), test=12, valid=0.2, seed=3, out=tmp_path / "a", quiet=True)
    made = plan(Measured(sl.read((X, y))), test=12, valid=0.2, seed=3)
    assert found.data["counts"] == {
        part: np.bincount(made.images.labels[made.split[part]], minlength=3).tolist()
        for part in ("train", "valid", "test")
    }
    assert found.data["split"] == made.method


def test_the_folder_holds_a_page_and_the_document_that_json_prints(judge: Any, main: Any, tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    code, out, err = main("audit", "photos", "--json")
    assert (code, err) == (0, "")
    folder = tmp_path / "runs" / "photos-audit-1"
    assert sorted(p.name for p in folder.iterdir()) == ["audit.html", "audit.json"]
    document = json.loads(out)
    assert document == json.loads((folder / "audit.json").read_text())
    assert set(document) == {"audit", "data", "findings", "silent", "not_applicable", "muted"}
    assert document["audit"] == "runs/photos-audit-1"
    assert {"source", "n", "classes", "counts", "shape", "fingerprint", "split", "faults"} <= set(document["data"])
    for finding in document["findings"]:
        assert list(finding) == ["code", "title", "severity", "evidence", "advice", "items"]
        assert [set(item) >= {"id", "name"} for item in finding["items"]] == [True, True]
    ids = sl.read(tmp_path / "photos").ids
    assert [item["id"] for item in document["findings"][0]["items"]] == ids[:2].tolist()
    page = (folder / "audit.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "2 images were looked at" in page


@pytest.mark.parametrize(("severity", "expected"), [(None, 0), ("info", 0), ("warning", 0), ("serious", 3)])
@pytest.mark.parametrize("json_too", [False, True], ids=["", "json"])
def test_only_a_serious_finding_ends_in_exit_code_three(
    judge: Any, main: Any, tmp_path: Path, severity: Any, expected: int, json_too: bool
) -> None:
    judge(severity)
    code, out, _ = main("audit", str(photos(tmp_path / "photos")), "--out", "out", *(["--json"] if json_too else []))
    assert code == expected
    assert (tmp_path / "out" / "audit.json").exists()
    assert json_too or out.splitlines()[-1] == "out/audit.json"


def test_a_muted_check_is_not_made_and_does_not_fail_the_pipeline(judge: Any, main: Any, tmp_path: Path) -> None:
    judge("serious")
    photos(tmp_path / "photos")
    assert main("audit", "photos")[0] == 3
    code, out, _ = main("audit", "photos", "--mute", "d902", "--mute", "D901,D903")
    assert code == 0
    assert "nothing found: 0 checks silent, D901, D902, D903 muted" in out
    assert sl.audit("photos", mute=["D901", "D902"], out="o", quiet=True).muted == ("D901", "D902")


def test_each_audit_gets_a_number_of_its_own_and_comparisons_keep_theirs(judge: Any, main: Any, tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    for _ in range(2):
        main("audit", "photos")
    (tmp_path / "runs" / "photos-audit-9x").mkdir()
    open_next("photos", {}).close()
    main("audit", "photos")
    there = sorted(p.name for p in (tmp_path / "runs").iterdir())
    assert there == ["photos-1", "photos-audit-1", "photos-audit-2", "photos-audit-3", "photos-audit-9x"]


def test_an_audit_may_be_written_again_to_the_same_folder(judge: Any, tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    pages = []
    for _ in range(2):
        found = sl.audit(tmp_path / "photos", out=tmp_path / "out", quiet=True)
        document = json.loads((tmp_path / "out" / "audit.json").read_text())
        document["data"].pop("seconds")
        page = re.sub(r"Measured in</dt><dd>[^<]*", "", (found.path / "audit.html").read_text())
        pages.append((document, page))
    assert pages[0] == pages[1]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["audit.html", "audit.json"]
    (tmp_path / "out" / ".audit.json.part").touch()  # of a process that was killed
    sl.audit(tmp_path / "photos", out=tmp_path / "out", quiet=True)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["audit.html", "audit.json"]


def test_an_unlabelled_or_one_class_set_is_audited_all_the_same(judge: Any, tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 255, (30, 8, 8), dtype=np.uint8)
    found = sl.audit((X, None), out=tmp_path / "a", quiet=True)
    assert found.data["why_no_split"].startswith("arrays has no labels")
    assert (found.data["chance"], found.data["majority"], found.data["counts"]) == (None, None, {"all": []})
    one = sl.audit((X, np.zeros(30, int)), out=tmp_path / "b", quiet=True)
    assert "expected at least 2 classes" in one.data["why_no_split"]
    assert one.data["counts"] == {"all": [30]}
    assert len(one.findings) == 1
    few = sl.audit((X[:8], np.arange(8) % 2), out=tmp_path / "c", quiet=True)
    assert "expected at least 10 labelled images" in few.data["why_no_split"]
    large = sl.audit((X, np.arange(30) % 3), test=29, out=tmp_path / "d", quiet=True)
    assert large.data["why_no_split"].startswith("expected valid and test to leave at least 3")


def test_a_set_with_parts_that_cannot_be_compared_is_counted_by_its_own_parts(judge: Any, tmp_path: Path) -> None:
    photos(tmp_path / "p" / "train", ["cat"], 4)
    photos(tmp_path / "p" / "test", ["cat"], 3, start=50)
    found = sl.audit(tmp_path / "p", out=tmp_path / "o", quiet=True)
    assert found.data["counts"] == {"train": [4], "valid": [0], "test": [3]}


HOSTILE = (
    "<script>alert(1)",
    "two\nlines",
    "a\"b'c &amp;",
    "\u202egpj",
    "שלום",
    "z" * 200,
    os.fsdecode(b"caf\xe9"),
)


def test_hostile_names_of_classes_and_files_are_harmless(judge: Any, main: Any, tmp_path: Path) -> None:
    judge("serious")
    photos(tmp_path / "odd", HOSTILE, 3)
    (tmp_path / "odd" / HOSTILE[0] / os.fsdecode(b"\xff<b>.png")).write_bytes(b"no image")
    code, out, _ = main("audit", "odd", "--out", "out")
    assert code == 3
    text = (tmp_path / "out" / "audit.html").read_bytes().decode("utf-8")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "\u202e" not in text + out
    assert max(map(len, out.splitlines())) <= 100
    document = json.loads((tmp_path / "out" / "audit.json").read_bytes().decode("utf-8"))
    classes = list(sl.read(tmp_path / "odd").classes)
    assert document["data"]["classes"] == classes
    assert {*HOSTILE[:-1]} < {*classes}
    code, out, _ = main("audit", "odd", "--out", "out", "--json")
    assert code == 3
    assert json.loads(out)["data"]["classes"] == classes


def test_labels_of_arrays_may_hold_what_no_file_can(judge: Any, tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 255, (24, 8, 8), dtype=np.uint8)
    found = sl.audit((X, np.array(["caf\udce9", "a\ud800"])[np.arange(24) % 2]), out=tmp_path / "o", quiet=True)
    document = json.loads((tmp_path / "o" / "audit.json").read_bytes().decode("utf-8"))
    assert document["data"]["classes"] == list(found.data["classes"]) == ["a\\ud800", "caf\\udce9"]
    assert "caf\\udce9" in (tmp_path / "o" / "audit.html").read_bytes().decode("utf-8")


def _file(p: Path) -> list[str]:
    (p / "out").write_text("mine")
    return [str(photos(p / "photos")), "--out", "out"]


def _something_else(p: Path) -> list[str]:
    (p / "thesis").mkdir()
    (p / "thesis" / "chapter.txt").write_text("dear")
    return [str(photos(p / "photos")), "--out", "thesis"]


def _another_audit_json(p: Path) -> list[str]:
    (p / "out").mkdir()
    (p / "out" / "audit.json").write_text('{"of": "the tax office"}')
    return [str(photos(p / "photos")), "--out", "out"]


def _empty(p: Path) -> list[str]:
    (p / "data").mkdir()
    return ["data"]


def _broken(p: Path) -> list[str]:
    (photos(p / "photos") / "cat" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return ["photos", "--strict"]


WRONG: list[tuple[Any, int, str]] = [
    (lambda p: [], 2, "expected DATA: a folder, a file, or a built-in"),
    (lambda p: ["photoz"], 2, "photoz"),
    (_empty, 1, "data"),
    (_broken, 1, "expected no faults with --strict, got cat/bad.png"),
    (_file, 2, "out is a file; choose another"),
    (_something_else, 2, "thesis holds something else (chapter.txt); choose another"),
    (_another_audit_json, 2, "out holds something else (audit.json)"),
    (lambda p: ["digits", "--out", "/dev/null/out"], 2, "cannot write the audit to /dev/null/out"),
    (lambda p: ["digits", "--mute", "D9"], 2, "expected --mute with codes out of D901, D902, D903, M101, M102"),
    (lambda p: ["digits", "--test", "many"], 2, "expected --test to be a share"),
    (lambda p: ["digits", "--test", "1.5"], 2, "expected --test to be a share between 0 and 1 or a number of items"),
    (lambda p: ["digits", "--valid", "0"], 2, "expected --valid to be a share between 0 and 1 or a number of items"),
    (lambda p: ["digits", "--resize", "squash"], 2, "expected --resize to be one of stretch, pad, crop"),
    (lambda p: ["digits", "--size", "0"], 2, "--size"),
    (lambda p: ["digits", "--seed", "-1"], 2, "expected a --seed of 0 or more"),
    (lambda p: ["digits", "--group", "("], 2, "--group"),
    (lambda p: ["digits", "--strickt"], 2, "--strickt"),
]


@pytest.mark.parametrize(("prepare", "code", "words"), WRONG, ids=[w for _, _, w in WRONG])
@pytest.mark.parametrize("json_too", [False, True], ids=["", "json"])
def test_wrong_use_gets_one_plain_sentence_and_leaves_nothing(
    judge: Any, main: Any, tmp_path: Path, prepare: Any, code: int, words: str, json_too: bool
) -> None:
    arguments = prepare(tmp_path)
    before = {str(p): p.read_bytes() if p.is_file() else b"" for p in tmp_path.rglob("*")}
    ended, out, err = main("audit", *arguments, *(["--json"] if json_too else []))
    assert (ended, out) == (code, ""), err
    sentence = err.strip().splitlines()[-1]
    assert words in sentence
    assert sentence.startswith("secondlook: ")
    assert "Traceback" not in err
    assert {str(p): p.read_bytes() if p.is_file() else b"" for p in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"mute": "nonsense"}, UsageError, "expected --mute with codes out of"),
        ({"valid": 0.0}, UsageError, "expected --valid to be a share between 0 and 1"),
        ({"seed": 0.5}, UsageError, "expected --seed to be a whole number, got 0.5"),
        ({"resize": "squash"}, UsageError, "expected --resize to be one of"),
    ],
)
def test_wrong_arguments_are_refused_in_python_too(
    judge: Any, settings: Any, kind: type[SecondlookError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        sl.audit("digits", out=tmp_path / "r", quiet=True, **settings)
    with pytest.raises(DataError):
        sl.audit((np.zeros((0, 8, 8), np.uint8), np.zeros(0, int)), out=tmp_path / "r", quiet=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["write_text", "write_bytes", "replace"])
@pytest.mark.parametrize("before", ["nothing", "empty", "audit"])
def test_a_full_disk_leaves_nothing_half_written(
    judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, before: str
) -> None:
    photos(tmp_path / "photos")
    out = tmp_path / "out"
    if before == "empty":
        out.mkdir()
    if before == "audit":
        sl.audit(tmp_path / "photos", out=out, quiet=True)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    there = {p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None
    with monkeypatch.context() as patch:
        patch.setattr(f"pathlib.Path.{where}", full)
        with pytest.raises(RunError, match=r"cannot write the audit to .*No space left"):
            sl.audit(tmp_path / "photos", out=out, quiet=True)
        patch.chdir(tmp_path)
        with pytest.raises(RunError, match=r"cannot write the audit to runs.*No space left"):
            sl.audit(tmp_path / "photos", quiet=True)
    assert ({p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None) == there
    assert not (tmp_path / "runs").exists() or list((tmp_path / "runs").iterdir()) == []


def test_a_page_that_cannot_be_drawn_leaves_no_folder(judge: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(photos(tmp_path / "photos").parent)
    monkeypatch.setattr("secondlook.show.audit.sentences", lambda audit: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sl.audit("photos", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_clearing_the_cache_needs_no_data_and_says_how_many_bytes(
    judge: Any, main: Any, tmp_path: Path, cache_of_the_test: Path
) -> None:
    photos(tmp_path / "photos", each=60)
    assert main("audit", "photos")[0] == 0
    held = sum(p.stat().st_size for p in cache_of_the_test.rglob("files/*") if p.is_file())
    code, out, err = main("audit", "--clear-cache")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"{re.escape(str(cache_of_the_test))}: \d+ entr(y|ies) deleted, {held:,} bytes\n", out)
    assert list(cache_of_the_test.rglob("files/*")) == []
    code, out, err = main("audit", "photos", "--clear-cache", "--json", "--no-cache")
    assert code == 0
    assert json.loads(out)["data"]["n"] == 120
    assert err == f"{cache_of_the_test}: 0 entries deleted, 0 bytes\n"
    assert list(cache_of_the_test.rglob("files/*")) == []


@pytest.mark.slow
def test_without_a_terminal_nothing_but_the_page_stands_on_stdout(tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    program = [sys.executable, "-W", "error", "-c", "from secondlook.cli import main; main()", "audit", "photos"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode in (0, 3), done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    assert done.stdout.splitlines()[-2:] == ["runs/photos-audit-1/audit.html", "runs/photos-audit-1/audit.json"]
    shutil.rmtree(tmp_path / "runs")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    again = subprocess.run(program, capture_output=True, cwd=tmp_path, env=environment, timeout=120)
    assert again.returncode == done.returncode
    assert b"cat 12" in again.stdout


def test_a_class_too_small_for_every_part_is_counted_as_left_out(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (31, 8, 8), dtype=np.uint8)
    labels = ["cat", "dog", "emu"] * 10 + ["yak"]
    found = sl.audit((images, labels), out=tmp_path / "a", quiet=True)
    assert found.data["counts"]["left out"] == [0, 0, 0, 1]
    assert sum(map(sum, found.data["counts"].values())) == 31
    # As in a comparison, which never hears of the class.
    assert found.data["chance"] == pytest.approx(1 / 3)
    assert "left out" in (tmp_path / "a" / "audit.html").read_text(encoding="utf-8")
