"""Intervals hold the truth as often as they say, equal models are hardly ever told apart: few draws of the bench."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "coverage.py"
    spec = importlib.util.spec_from_file_location("bench_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def within(lines: Iterable[Any], sets: int, low: float = 0.93, high: float = 0.97) -> None:
    """Every share lies between the bounds, but for what so few sets may add (three standard errors)."""
    slack = 3 * np.sqrt(0.95 * 0.05 / sets)
    found = list(lines)
    assert found
    assert [line for line in found if not low - slack <= line[3] <= high + slack] == []


def test_wilson_s_interval_covers(bench: ModuleType) -> None:
    within(bench.of_proportions(500, 4_000), 4_000)


def test_the_bootstrap_of_counts_covers(bench: ModuleType) -> None:
    within(bench.of_counts(500, 300, 400), 300)


def test_the_bootstrap_of_means_covers(bench: ModuleType) -> None:
    lines = list(bench.of_means(500, 400, 300))
    within([line for line in lines if "calibration" not in line[0]], 400)
    # Its estimate is too high on few items: it holds the truth somewhat less often.
    within([line for line in lines if "calibration" in line[0]], 400, low=0.89)


def test_the_intervals_of_ranking_scores_cover(bench: ModuleType) -> None:
    within(bench.of_rankings(500, 500), 500)


def test_the_paired_interval_covers(bench: ModuleType) -> None:
    within([line for line in bench.of_pairs(500, 4_000) if line[0].startswith("Agresti-Min")], 4_000)


def test_the_interval_for_groups_covers(bench: ModuleType) -> None:
    within(bench.of_groups(50, 400), 400)


def test_equal_models_are_told_apart_in_at_most_one_table_of_twenty(bench: ModuleType) -> None:
    for line in bench.false_alarms(500, 100):
        assert line[3] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100), line
