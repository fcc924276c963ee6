"""What a study does not pay for: libraries that its cells do not need, cores that wait for the last cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import secondlook as sl
from secondlook.models.engines.native.build import Unavailable
from secondlook.runs.workers import LocalWorkers
from secondlook.verbs.study_making import Asked

TINY = "conv 2 3x3, relu, maxpool 2"


def own(image: Any, outputs: int) -> Any:
    """A module of one's own, that is not made here."""


def libraries(monkeypatch: pytest.MonkeyPatch, kind: Any = "size", **more: Any) -> list[str]:
    """What the server of a study would import."""
    monkeypatch.setattr(Asked, "made", Asked._libraries)
    return sl.study(kind, "digits", **{"models": ["cnn-small"], **more})  # type: ignore[return-value]


def test_nets_of_native_code_do_without_pytorch_and_scikit_learn_s_models(monkeypatch: pytest.MonkeyPatch) -> None:
    found = libraries(monkeypatch, nets={"tiny": TINY})
    assert "secondlook.models.engines.at_once" in found
    assert not {"secondlook.models.engines.choosing", "torch._dynamo", "secondlook.models.classical"} & {*found}


@pytest.mark.parametrize(
    "more",
    [
        {"engine": "torch"},
        {"precision": "bf16"},
        {"nets": {"mine": own}},
        {"kind": "imbalance", "minority": "3", "remedy": "augment"},
    ],
)
def test_nets_of_pytorch_find_it_warm(monkeypatch: pytest.MonkeyPatch, more: Any) -> None:
    assert {"secondlook.models.engines.choosing", "torch._dynamo"} <= {*libraries(monkeypatch, **more)}


def test_without_a_compiler_pytorch_is_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise Unavailable("there is none")

    monkeypatch.setattr("secondlook.models.engines.native.build.compiler", none)
    assert "torch._dynamo" in libraries(monkeypatch)


@pytest.mark.parametrize("more", [{"models": ["knn"]}, {"models": None}, {"kind": "classes"}])
def test_classical_models_and_the_pilot_find_scikit_learn_warm(monkeypatch: pytest.MonkeyPatch, more: Any) -> None:
    assert "secondlook.models.classical" in libraries(monkeypatch, **more)


def test_a_study_without_nets_does_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("net" in name or "torch" in name for name in libraries(monkeypatch, models=["knn", "logistic"]))


def test_the_engine_of_a_study_is_native_unless_another_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asked, "made", lambda self: self._engine)
    answers = [sl.study("size", "digits", engine=engine) for engine in ("auto", "native", "torch")]
    assert answers == ["native", "native", "torch"]


class Stopped(Exception):  # noqa: N818 - what a test stops by
    """Raised in place of fitting."""


def test_the_longest_cells_of_each_seed_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def run(self: LocalWorkers, calls: Any, *rest: Any) -> Any:
        asked.extend(call.key for call in calls)
        raise Stopped

    monkeypatch.setattr(LocalWorkers, "run", run)
    with pytest.raises(Stopped):
        sl.study("size", "digits", (20, 80, 40), models=["knn"], seeds=2, out=tmp_path / "s", quiet=True)
    sizes = [(key.split("rows-")[1].split("--")[0], key[-1]) for key in asked]
    assert sizes == [(n, seed) for seed in "01" for n in ("80", "40", "20")]
    assert (tmp_path / "s" / "items.npz").exists()
