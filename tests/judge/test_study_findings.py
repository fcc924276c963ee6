"""S101 to S106 on made-up studies: firing, silent, not applicable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.judge.findings import StudyContext, judge_study
from secondlook.judge.study_laws import better, laws_of
from secondlook.types import Cell, Finding, Kind, Study

SIZES = (50, 100, 200, 400, 800)


def cell(rows: int, accuracy: float, seed: int = 0, **more: Any) -> Cell:
    n = 1000
    hits = round(accuracy * n)
    values: dict[str, Any] = {
        "name": f"m-{rows}-{seed}-{more.get('minority')}-{more.get('noise')}", "model": "m", "seed": seed,
        "rows": rows, "classes": 2, "members": ("cat", "dog"), "test_accuracy": accuracy, "test_low": accuracy - 0.01,
        "test_high": accuracy + 0.01, "test_log_loss": 2 * (1 - accuracy), "n_test": 2 * n, "hits": (hits, hits),
        "counts": (n, n), "fit_seconds": 1.0, "remedy": more.get("remedy", ""),
    }  # fmt: skip
    return Cell(**{**values, **more})


def study(kind: Kind, cells: list[Cell], minority: str = "") -> Study:
    done = [c for c in cells if c.status == "ok"]
    laws = {"m": laws_of(kind, done, (0.99,), 0, minority)} if done else {}
    return Study(Path("s"), kind, {"minority": minority}, {"source": "made"}, tuple(cells), laws)


def codes(found: Study) -> dict[str, Finding]:
    return {finding.code: finding for finding in judge_study(StudyContext(found)).findings}


def curve(error: Any, spread: float = 0.0, seeds: int = 3) -> list[Cell]:
    rng = np.random.default_rng(0)
    return [
        cell(n, float(np.clip(1 - error(n) + spread * rng.standard_normal(), 0, 1)), seed)
        for n in SIZES for seed in range(seeds)
    ]  # fmt: skip


def test_a_good_study_says_nothing_but_that_a_line_is_not_its_shape() -> None:
    found = codes(study("size", curve(lambda n: 2 * n**-0.5, 0.002)))
    assert set(found) == {"S102"}
    assert found["S102"].title.startswith("A straight line is the wrong shape for m's accuracy (RESET test, p = ")


def test_s101_cells_that_failed() -> None:
    cells = [*curve(lambda n: 2 * n**-0.5), cell(900, 0.5, status="failed", reason="out of memory", test_accuracy=None)]
    found = codes(study("size", cells))["S101"]
    assert found.severity == "serious"
    assert found.title == "1 cell of 16 did not end well, first m with 900 images per class: out of memory."
    assert codes(study("size", [cells[-1]])).keys() == {"S101"}


def test_s102_is_silent_on_a_line() -> None:
    cells = [cell(100, 0.9 - 0.004 * p + 0.001 * (s - 1), s, noise=float(p)) for p in (0, 10, 20, 30) for s in range(3)]
    assert "S102" not in codes(study("noise", cells))


def test_s103_more_images_hardly_help() -> None:
    found = codes(study("size", curve(lambda n: 0.1 + 10 / n**2, 0.0005)))["S103"]
    assert found.title.startswith("More images hardly help m: from 400 to 800 per class its accuracy changed by ")
    assert "S103" not in codes(study("size", curve(lambda n: 2 * n**-0.5, 0.0005)))


def test_s104_the_smaller_sizes_do_not_foretell_the_largest() -> None:
    broken = curve(lambda n: 2 * n**-0.5 if n < 800 else 0.2, 0.001)
    found = codes(study("size", broken))["S104"]
    assert "at 800 images per class an error of" in found.title
    assert found.title.endswith("was measured.")


def test_s105_chance_moves_more_than_what_was_varied() -> None:
    found = codes(study("size", curve(lambda n: 0.3 - n * 1e-5, 0.03)))["S105"]
    assert found.title.startswith("Chance moves m more than what was varied: seeds differ by ")


def test_s106_accuracy_hides_the_minority() -> None:
    def cells(recall: float) -> list[Cell]:
        hits = round(1000 * recall)
        return [
            cell(400, (980 + hits) / 2000, s, minority=n, hits=(980, hits)) for n in (5, 50) for s in range(2)
        ]  # fmt: skip

    found = codes(study("imbalance", cells(0.4), "dog"))["S106"]
    assert found.title == (
        "Accuracy hides the minority: with 5 images of dog, m answers 69 % right, but only 40 % of dog, against 98 % "
        "of the other classes."
    )
    assert "S106" not in codes(study("imbalance", cells(0.95), "dog"))


@pytest.mark.parametrize(("kind", "code"), [("noise", "S103"), ("noise", "S104"), ("grid", "S105"), ("size", "S106")])
def test_a_check_that_does_not_apply_says_why(kind: Kind, code: str) -> None:
    assert judge_study(StudyContext(study(kind, []))).not_applicable[code] == f"a study of {kind}"


def test_findings_can_be_muted() -> None:
    made = study("size", curve(lambda n: 2 * n**-0.5, 0.002))
    assert judge_study(StudyContext(made), mute=["S102"]).findings == ()


def test_a_minority_s_forecast_is_of_the_minority() -> None:
    cells = [
        cell(400, 0.8, s, minority=n, hits=(980, round(1000 * r)))
        for n, r in ((10, 0.5), (20, 0.65), (40, 0.755), (80, 0.829), (160, 0.6)) for s in range(3)
    ]  # fmt: skip
    found = codes(study("imbalance", cells, "dog"))["S104"]
    assert "at 160 images of dog, for it, an error of" in found.title


def test_sizes_at_which_all_is_wrong_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    sizes = [5, 10, 20, 40, 80, 160, 320]
    cells = [
        cell(n, float(np.clip(1 - min(1, 4.0 * n**-0.6) - 0.01 * rng.standard_normal(), 0, 1)), s)
        for n in sizes for s in range(3)
    ]  # fmt: skip
    law = laws_of("size", cells, (0.95,), 0).power
    assert law is not None
    assert law.rows[0] == 20
    assert law.power == pytest.approx(0.6, abs=0.1)


def test_accuracies_to_ask_for_follow_from_models_that_have_plain_cells() -> None:
    cells = [cell(50, 0.8, model="a"), cell(100, 0.9, model="a"), cell(100, 0.99, model="b", remedy="oversample")]
    assert better("size", cells) == (0.925, 0.95)
    assert better("size", cells[2:]) == ()
