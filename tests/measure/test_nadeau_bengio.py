"""The corrected interval for folds: the closed form, scikit-learn's documented test, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from secondlook.errors import UsageError
from secondlook.measure.intervals import nadeau_bengio

shares = st.lists(st.floats(0.3, 0.7), min_size=2, max_size=30)


def corrected(scores: np.ndarray, n_train: float, n_test: float) -> tuple[float, float]:
    """Mean, and the standard error as `corrected_std` has it in scikit-learn's "Statistical comparison of models using
    grid search"."""
    kr = len(scores)
    return float(scores.mean()), float(np.sqrt(np.var(scores, ddof=1) * (1 / kr + n_test / n_train)))


@given(shares, st.integers(10, 500), st.integers(1, 200))
def test_the_interval_is_student_s_around_the_mean_with_the_corrected_error(
    scores: list[float], n_train: int, n_test: int
) -> None:
    mean, error = corrected(np.array(scores), n_train, n_test)
    found = nadeau_bengio(scores, n_train, n_test)
    if error < 1e-12:
        assert found == pytest.approx((mean, mean), abs=1e-9)
        return
    expected = np.clip(stats.t.interval(0.95, len(scores) - 1, loc=mean, scale=error), 0, 1)
    assert found == pytest.approx(tuple(expected), abs=1e-9)


@given(shares, st.integers(10, 500), st.integers(1, 200), st.floats(0.31, 0.69))
def test_a_value_lies_outside_exactly_where_the_corrected_t_test_rejects_it(
    scores: list[float], n_train: int, n_test: int, value: float
) -> None:
    mean, error = corrected(np.array(scores), n_train, n_test)
    if error < 1e-12:
        return
    p = 2 * stats.t.sf(abs((mean - value) / error), len(scores) - 1)
    low, high = nadeau_bengio(scores, n_train, n_test)
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == (not low <= value <= high)


def test_it_stays_within_nothing_and_all() -> None:
    assert nadeau_bengio([0.0, 0.6, 0.9], 10, 5) == (0.0, 1.0)


@pytest.mark.parametrize(("scores", "n_train", "n_test"), [([0.5], 10, 5), ([0.5, 0.6], 0, 5), ([0.5, 0.6], 10, 0)])
def test_one_score_or_an_empty_part_is_refused(scores: list[float], n_train: int, n_test: int) -> None:
    with pytest.raises(UsageError, match=f"expected two scores or more of parts that hold items, got {len(scores)}"):
        nadeau_bengio(scores, n_train, n_test)


@pytest.mark.slow
def test_its_coverage_is_far_nearer_to_95_percent_than_that_of_the_textbook_s_interval() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    from secondlook.data.split import folds
    from secondlook.seeds import stream
    from secondlook.types import ImageSet

    rng, sets, n = stream(0, "coverage"), 200, 120

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(size) % 2
        X = rng.normal(size=(size, 10))
        X[:, 0] += 2 * y - 1
        return X, y

    fresh, answers = draw(5_000)
    found, truth = [], []
    for seed in range(sets):
        X, y = draw(n)
        ids = np.array([f"{i:016x}" for i in range(n)])
        images = ImageSet(np.zeros((n, 1, 1, 1), np.uint8), y, ("a", "b"), ids, ids.tolist(), "made", "made")
        scores = []
        for split in folds(images, k=5, repeats=2, seed=seed).splits:
            model = KNeighborsClassifier(5).fit(X[split.train], y[split.train])
            scores.append(float((model.predict(X[split.test]) == y[split.test]).mean()))
        truth.append(float((model.predict(fresh) == answers).mean()))
        found.append((scores, len(split.train), len(split.test)))
    true = np.mean(truth)
    ours = np.mean([low <= true <= high for low, high in (nadeau_bengio(*case) for case in found)])
    naive = [stats.t.interval(0.95, 9, np.mean(scores), stats.sem(scores)) for scores, _, _ in found]
    textbook = np.mean([low <= true <= high for low, high in naive])
    assert 0.9 <= ours <= 0.99
    assert textbook < 0.85
