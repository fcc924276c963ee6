"""The run directory: locked while in use, refused when it is something else, complete exactly when sealed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.errors import RunError
from secondlook.runs.files import write_atomically, write_json
from secondlook.runs.load import load_run
from secondlook.runs.store import RunDirectory, open_next

IDENTITY = {"seed": 0, "models": ["knn"]}
CONFIG = {"command": "secondlook compare digits --models knn"}


def begin(path: Path, **changes: Any) -> None:
    directory = RunDirectory(path)
    try:
        directory.begin({**CONFIG, **IDENTITY, **changes}, {**IDENTITY, **changes})
    finally:
        directory.close()


def test_a_new_run_says_that_it_is_incomplete_and_how_to_go_on(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    text = (tmp_path / "run" / "INCOMPLETE.txt").read_text()
    assert "not complete" in text
    assert CONFIG["command"] in text


def test_loading_an_incomplete_run_names_the_command_that_goes_on(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    with pytest.raises(RunError, match="is incomplete; go on with it by the same command: secondlook compare digits"):
        load_run(tmp_path / "run")


def test_the_same_configuration_may_go_on_and_another_may_not(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    begin(tmp_path / "run")
    with pytest.raises(RunError, match=r"another configuration \(seed was 0, now 1\); choose another --out"):
        begin(tmp_path / "run", seed=1)


def test_two_commands_cannot_write_one_run(tmp_path: Path) -> None:
    first = RunDirectory(tmp_path / "run")
    with pytest.raises(RunError, match="is in use by another command"):
        RunDirectory(tmp_path / "run")
    first.close()
    RunDirectory(tmp_path / "run").close()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(RunError, match=r"holds something else \(letters.txt\); choose another"):
        RunDirectory(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_is_no_run_directory(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("mine")
    with pytest.raises(RunError, match="is a file; choose another"):
        RunDirectory(file)
    assert file.read_text() == "mine"


def test_loading_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="which is not there"):
        load_run(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"holds no run's config.json"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["[]", '{"model_type": "bert"}', "{"])
def test_another_program_s_config_is_no_run_and_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"holds something else"):
        RunDirectory(tmp_path)
    with pytest.raises(RunError, match=r"holds no run's config.json"):
        load_run(tmp_path)
    assert (tmp_path / "config.json").read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write the run to .*file/run \(Not a directory\); choose another --out"):
        RunDirectory(tmp_path / "file" / "run")
    with pytest.raises(RunError, match=r"cannot write runs to .*file \(Not a directory\); choose an --out"):
        open_next("digits", IDENTITY, tmp_path / "file")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    (tmp_path / "run" / "manifest.json").write_text("{")
    with pytest.raises(RunError, match=r"manifest.json is damaged"):
        load_run(tmp_path / "run", verify=True)
    (tmp_path / "run" / "manifest.json").write_text('{"files": {}}')
    with pytest.raises(RunError, match=r"expected a run directory with data.json, found none"):
        load_run(tmp_path / "run")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "old"


def test_json_never_holds_what_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_done_when_its_facts_are_there(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    assert directory.facts("knn") is None
    folder = directory.workplace("knn")
    np.savez(folder / "predictions.npz", test=np.ones(3))
    (folder / "log.txt").write_text("")
    assert directory.facts("knn") is None
    directory.keep("knn", {"status": "ok"})
    assert directory.facts("knn") == {"status": "ok"}
    assert {p.name for p in (tmp_path / "run" / "models" / "knn").iterdir()} == {"facts.json", "log.txt"}
    assert (tmp_path / "run" / "predictions" / "knn.npz").exists()
    directory.close()
    assert not (tmp_path / "run" / ".scratch").exists()


def test_sealing_lists_every_file_and_takes_the_warning_away(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    directory = RunDirectory(tmp_path / "run")
    directory.seal()
    directory.close()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert set(manifest["files"]) == {"config.json"}
    assert manifest["files"]["config.json"]["bytes"] == (tmp_path / "run" / "config.json").stat().st_size
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["config.json", "manifest.json"]


def test_the_next_run_gets_the_next_number_or_goes_on_with_an_incomplete_one(tmp_path: Path) -> None:
    def opened(**changes: Any) -> tuple[str, bool]:
        directory = open_next("digits", {**IDENTITY, **changes}, tmp_path)
        directory.close()
        return directory.path.name, directory.fresh

    begin(tmp_path / "digits-2")
    (tmp_path / "digits-x").mkdir()
    assert opened() == ("digits-2", False)
    assert opened(seed=1) == ("digits-3", True)
    (tmp_path / "digits-2" / "manifest.json").write_text("{}")
    assert opened() == ("digits-4", True)
    (tmp_path / "digits-9").mkdir()
    (tmp_path / "digits-9" / "config.json").write_text("{")
    assert opened() == ("digits-10", True)


def test_the_same_command_twice_at_once_makes_two_runs(tmp_path: Path) -> None:
    first = open_next("digits", IDENTITY, tmp_path)
    first.begin({**CONFIG, **IDENTITY}, IDENTITY)
    second = open_next("digits", IDENTITY, tmp_path)
    assert (first.path.name, second.path.name) == ("digits-1", "digits-2")
    first.close()
    second.close()


def test_predictions_of_an_interrupted_turn_do_not_outlive_it(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    np.savez(directory.workplace("net") / "predictions.npz", test=np.ones(3))
    directory.keep("net", {"status": "ok", "interrupted": True})
    directory.workplace("net")
    directory.keep("net", {"status": "failed"})
    assert not (tmp_path / "run" / "predictions" / "net.npz").exists()
    directory.close()


def test_openings_of_the_test_part_are_counted_before_it_is_read(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.open_test()
    directory.write_made(1.5, "cpu")
    directory.open_test()
    made = json.loads((tmp_path / "run" / "made.json").read_text())
    assert (made["test_opened"], made["seconds"]) == (2, 1.5)
    directory.close()
