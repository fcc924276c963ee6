"""The corpus of bad and odd inputs: each ends in a right reading or in one sentence that names the file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from corpus import archives, arrays, photos, tables
from corpus.case import Case

from secondlook import read
from secondlook.errors import SecondlookError

CASES = [*photos.CASES, *tables.CASES, *arrays.CASES, *archives.CASES]


def test_the_corpus_is_large_and_names_each_case_once() -> None:
    labels = [f"{case.make.__module__}: {case.name}" for case in CASES]
    assert len(CASES) >= 60
    assert len({case.name for case in photos.CASES}) == len(photos.CASES)
    assert len(labels) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_input_is_read_rightly_or_refused_in_one_sentence(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "at work").mkdir()
    path = case.make(tmp_path / "given")
    monkeypatch.chdir(tmp_path / "at work")
    if case.n is None:
        with pytest.raises(SecondlookError) as caught:
            read(path)
        refused_well(case, str(caught.value))
    else:
        read_well(case, path)
    assert not list(Path.cwd().iterdir()), "reading must leave nothing where one works, and run nothing"


def refused_well(case: Case, sentence: str) -> None:
    assert re.search(case.error, sentence), sentence
    assert "\n" not in sentence
    assert len(sentence) < 500
    assert "Traceback" not in sentence


def read_well(case: Case, path: Path) -> None:
    images = read(path)
    faults = [fault for fault in images.faults if fault.kind != "ignored"]
    assert [(fault.kind, bool(fault.reason)) for fault in faults] == [(kind, True) for _, kind in case.faults], faults
    assert all(any(name in f.name and kind == f.kind for f in faults) for name, kind in case.faults), faults
    assert len(images) == len(images.labels) == len(images.ids) == len(images.names) == case.n
    assert len(set(images.ids.tolist())) == case.n
    assert images.pixels.ndim == 4
    assert images.pixels.dtype in (np.uint8, np.float32)
    if case.classes is not None:
        assert images.classes == tuple(case.classes)
    if case.check is not None:
        case.check(images)
