"""Folders that number themselves, and documents with names that are no text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secondlook.errors import RunError
from secondlook.runs.files import read_json, write_json
from secondlook.runs.folders import numbers, take_next


def test_only_folders_of_the_very_stem_count(tmp_path: Path) -> None:
    for name in ("a-1", "a-12", "a-x", "a-3x", "a-audit-40", "a-b-7", "b-9", "a-", "xa-5"):
        (tmp_path / name).mkdir()
    assert sorted(numbers("a", tmp_path)) == [1, 12]
    assert numbers("a-audit", tmp_path) == [40]
    assert numbers("none", tmp_path / "nowhere") == []


def test_the_next_folder_is_new_and_empty_even_when_another_command_was_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_next("a", tmp_path) == tmp_path / "a-1"
    assert take_next("a", tmp_path) == tmp_path / "a-2"
    monkeypatch.setattr("secondlook.runs.folders.numbers", lambda stem, root: [1])  # as seen a moment ago
    assert take_next("a", tmp_path) == tmp_path / "a-3"
    assert list((tmp_path / "a-3").iterdir()) == []


def test_a_root_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot write runs to .*file .*; choose an --out"):
        take_next("a", tmp_path / "file")


def test_names_that_are_no_text_come_back_from_a_document_as_they_were(tmp_path: Path) -> None:
    document = {"caf\udce9": ["\ud800", "日本", "\u2028"]}
    write_json(tmp_path / "d.json", document)
    assert read_json(tmp_path / "d.json") == document
    assert json.loads((tmp_path / "d.json").read_bytes().decode("utf-8")) == document
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "nan.json", [float("nan")])
    assert [p.name for p in tmp_path.iterdir()] == ["d.json"]
