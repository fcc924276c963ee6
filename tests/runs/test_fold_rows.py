"""From folds to one row: means, corrected intervals, and what is said of a model whose folds differ."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.measure.intervals import nadeau_bengio, wilson
from secondlook.runs.folds import COLUMNS, gather, mean_row, membership, merged, write_folds
from secondlook.runs.store import RunDirectory
from secondlook.types import Folds, ImageSet, Row, Split


def row(test: float | None, valid: float = 0.9, n: tuple[int, int, int] = (60, 20, 20)) -> Row:
    rest = {} if test is None else {"test_balanced_accuracy": test, "test_macro_f1": test, "test_log_loss": 1 - test}
    return Row(
        "m", "ok", n_train=n[0], n_valid=n[1], n_test=n[2] if test else None, train_accuracy=1.0, valid_accuracy=valid,
        valid_score=valid, test_accuracy=test, **rest,
    )  # fmt: skip


FACTS: dict[str, Any] = {
    "status": "ok", "reason": "", "params": "", "interrupted": False, "trained": 5, "stored": 6, "macs": 7,
    "fit_seconds": 1.0, "predict_us": 2.0, "peak_mb": 100.0, "family": "linear", "net": "", "device": "cpu",
}  # fmt: skip


def test_scores_are_means_and_intervals_nadeau_s_and_bengio_s() -> None:
    scores, valid = [0.8, 0.9, 0.7, 1.0], [0.9, 0.8, 0.9, 1.0]
    found = mean_row("m", FACTS, [row(a, b) for a, b in zip(scores, valid, strict=True)], 80)
    assert found.test_accuracy == found.test_balanced_accuracy == found.test_macro_f1 == pytest.approx(0.85)
    assert found.test_log_loss == pytest.approx(0.15)
    assert (found.test_low, found.test_high) == nadeau_bengio(scores, 60, 20)
    assert (found.valid_low, found.valid_high) == nadeau_bengio(valid, 60, 20)
    assert (found.train_accuracy, found.train_low, found.train_high) == (1.0, None, None)
    assert (found.n_train, found.n_valid, found.n_test) == (60, 20, 80)
    assert found.valid_score == pytest.approx(0.9)
    assert (found.trained, found.stored, found.macs, found.fit_seconds) == (5, 6, 7, 1.0)


def test_where_all_folds_score_the_same_the_interval_is_wilson_s_for_all_items() -> None:
    found = mean_row("m", FACTS, [row(1.0), row(1.0)], 40)
    assert (found.test_low, found.test_high) == wilson(40, 40)
    assert (found.valid_low, found.valid_high) == wilson(18, 20)


def test_without_the_test_part_no_test_scores_are_made() -> None:
    found = mean_row("m", FACTS, [row(None), row(None, 0.7)], 40)
    assert (found.test_accuracy, found.test_log_loss, found.n_test) == (None, None, None)
    assert found.valid_score == pytest.approx(0.8)


def test_a_model_with_a_fold_that_failed_has_no_scores_and_names_the_fold() -> None:
    facts = merged([FACTS, {"status": "failed", "reason": "out of memory", "interrupted": False}], 6)
    assert (facts["status"], facts["reason"]) == ("failed", "fold 2 of 6: out of memory")
    assert mean_row("m", facts, [], 40) == Row("m", "failed", "fold 2 of 6: out of memory")


def test_times_are_means_memory_is_the_highest_and_the_rest_the_first_fold_s() -> None:
    other = {**FACTS, "fit_seconds": 3.0, "predict_us": 4.0, "peak_mb": 300.0, "stored": 60}
    facts = merged([FACTS, other], 2)
    assert (facts["fit_seconds"], facts["predict_us"], facts["peak_mb"], facts["stored"]) == (2.0, 3.0, 300.0, 6)


@pytest.mark.parametrize(
    ("reasons", "statuses", "said"),
    [
        (["enlarged", "enlarged", "enlarged"], ["ok"] * 3, ("ok", "enlarged")),
        (["", "searched in 2 s", "searched in 3 s"], ["ok"] * 3, ("ok", "fold 2 of 3: searched in 2 s")),
        (["a", "a", "stopped"], ["ok", "ok", "timeout"], ("timeout", "fold 3 of 3: stopped")),
    ],
)
def test_notes_that_folds_share_stand_once_and_others_name_their_fold(
    reasons: list[str], statuses: list[str], said: tuple[str, str]
) -> None:
    facts = merged([{**FACTS, "reason": r, "status": s} for r, s in zip(reasons, statuses, strict=True)], 3)
    assert (facts["status"], facts["reason"]) == said


def two_folds() -> tuple[ImageSet, Folds]:
    n = 6
    ids = np.array([str(i) for i in range(n)])
    images = ImageSet(np.zeros((n, 1, 1, 1), np.uint8), np.arange(n) % 2, ("a", "b"), ids, ids.tolist(), "x", "y")
    one = Split(np.array([1]), np.array([3]), np.array([0, 2, 4]), "made", 0)
    two = Split(np.array([0, 2]), np.array([4]), np.array([1, 3]), "made", 0)
    return images, Folds((one, two), 2, 1, "made", 0)


def test_what_each_split_does_with_each_item_is_one_small_table() -> None:
    found = membership(two_folds()[1], 6)
    assert found.dtype == np.uint8
    assert found.tolist() == [[3, 1, 3, 2, 3, 0], [1, 3, 1, 3, 2, 0]]


def test_answers_of_all_folds_become_one_table_and_the_first_fold_s_files_the_model_s(tmp_path: Path) -> None:
    images, folds = two_folds()
    directory = RunDirectory(tmp_path / "run")
    for index, split in enumerate(folds.splits):
        folder = directory.workplace(f"m/fold-{index + 1}")
        said = {part: np.full((len(split[part]), 2), index + 0.5, np.float32) for part in ("train", "valid", "test")}
        np.savez(folder / "predictions.npz", **said)
        (folder / "weights.safetensors").write_text(f"weights {index}")
        directory.keep(f"m/fold-{index + 1}", FACTS)
    for _ in range(2):  # as often as it takes: a command that was killed in between begins anew
        gather(directory, "m", FACTS, images, folds)
    with np.load(tmp_path / "run" / "predictions" / "m.npz") as file:
        assert file["test"][:, 0].tolist() == [0.5, 1.5, 0.5, 1.5, 0.5]
        assert len(file["train"]) == len(file["valid"]) == 1
    assert (tmp_path / "run" / "models" / "m" / "weights.safetensors").read_text() == "weights 0"
    assert directory.facts("m") == FACTS
    directory.close()


def test_every_fold_is_a_line_of_the_table(tmp_path: Path) -> None:
    _, folds = two_folds()
    write_folds(tmp_path / "folds.csv", folds, {"m": [row(0.8), row(0.9)], "lost": []})
    with (tmp_path / "folds.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["model"], line["repeat"], line["fold"]) for line in lines] == [("m", "1", "1"), ("m", "1", "2")]
    assert [float(line["test_accuracy"]) for line in lines] == [0.8, 0.9]
    assert set(COLUMNS) < set(lines[0])
