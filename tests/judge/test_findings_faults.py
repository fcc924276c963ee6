from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from secondlook import read
from secondlook.judge.findings.faults import CHECKS
from secondlook.types import Fault, FaultKind

LOST = {"broken": "D501", "missing": "D502", "permission": "D503", "unsafe": "D504"}
CODES = {**LOST, "unlabelled": "D505", "ignored": "D506"}


def faults(kind: Any, n: int) -> tuple[Fault, ...]:
    return tuple(Fault(f"cats/{i}.jpg", kind, "cut off" if i else "empty") for i in range(n))


def test_every_kind_of_fault_has_its_check() -> None:
    assert set(CODES) == set(get_args(FaultKind))
    assert sorted(CODES.values()) == [check.code for check in CHECKS]


@pytest.mark.parametrize("kind", CODES)
def test_without_faults_nothing_is_found_and_with_one_kind_only_its_check_fires(
    kind: str, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set(np.arange(40) % 2)
    assert [ask(CHECKS, code, make_context(images)) for code in CODES.values()] == [None] * 6
    context = make_context(make_set(np.arange(40) % 2, faults=faults(kind, 1)))
    fired = [code for code in CODES.values() if ask(CHECKS, code, context)]
    assert fired == [CODES[kind]]


@pytest.mark.parametrize(("kind", "code"), LOST.items())
@pytest.mark.parametrize(("n", "severity"), [(1, "warning"), (5, "warning"), (6, "serious")])
def test_lost_images_are_named_and_counted_and_serious_above_5_percent(
    kind: str, code: str, n: int, severity: str, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    found = ask(CHECKS, code, make_context(make_set(np.arange(95) % 2, faults=faults(kind, n))))
    assert found.severity == severity
    assert [item.json() for item in found.items[:2]] == [
        {"id": "", "name": "cats/0.jpg", "note": "empty"},
        {"id": "", "name": "cats/1.jpg", "note": "cut off"},
    ][:n]
    assert {item.index for item in found.items} == {-1}
    assert len(found.items) == n
    assert found.evidence["n"] == 95 + n
    assert found.evidence["share"] == pytest.approx(n / (95 + n))
    assert found.evidence["reasons"] == ({"cut off": n - 1, "empty": 1} if n > 1 else {"empty": 1})
    assert found.title.startswith(f"{n} of {95 + n} images (")
    why = "" if code != "D501" else ": empty" if n == 1 else f"; {n - 1} of them: cut off"
    assert found.title.endswith(f"{'was' if n == 1 else 'were'} left out{why}.")


def test_images_outside_the_class_folders_are_told(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    few = ask(CHECKS, "D505", make_context(make_set(np.arange(95) % 2, faults=faults("unlabelled", 1))))
    assert few.title == "1 image lies outside the class folders and was left out."
    assert few.severity == "info"
    many = ask(CHECKS, "D505", make_context(make_set(np.arange(95) % 2, faults=faults("unlabelled", 6))))
    assert many.title == "6 images lie outside the class folders and were left out."
    assert many.severity == "warning"


def test_other_files_are_counted_by_suffix(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    names = ["a.TXT", "b/c.txt", "Thumbs.db", "README", "x.json"]
    others = tuple(Fault(name, "ignored", "not an image") for name in names)
    found = ask(CHECKS, "D506", make_context(make_set(np.arange(10) % 2, faults=others)))
    assert found.severity == "info"
    assert found.evidence["suffixes"] == {".txt": 2, ".db": 1, "none": 1, ".json": 1}
    assert found.title == "5 files not meant as images were passed over (by suffix: 2 .txt, 1 .db, 1 none)."
    assert [item.name for item in found.items] == names


def test_an_unlabelled_set_has_faults_all_the_same(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    # These checks apply to every set.
    context = make_context(make_set([-1, -1], faults=faults("broken", 1)))
    assert ask(CHECKS, "D501", context).severity == "serious"


def test_a_row_without_a_part_is_said_to_be_one(tmp_path: Path, make_context: Callable, ask: Callable) -> None:
    rows = [f"{i}.png,{'ab'[i % 2]},{part}" for i, part in enumerate(("train", "train", "test", "test", ""))]
    for i in range(5):
        Image.new("L", (4, 4), i).save(tmp_path / f"{i}.png")
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,part", *rows]))
    found = ask(CHECKS, "D501", make_context(read(tmp_path)))
    assert found.title == (
        "1 of 5 images (20 %) cannot be used and was left out: no part in this row, where others have one."
    )
