"""Support-vector machines fitted pair by pair, against scikit-learn's SVC and the conditions of an optimum."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from threading import Barrier
from time import sleep
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import LinAlgError
from sklearn.datasets import make_blobs
from sklearn.svm import SVC

from secondlook.models.classical import LinearSVM, PolySVM, RbfSVM, machine, pairs, quadratic
from secondlook.models.classical.cholesky import Cholesky
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.machine import Machine, machines
from secondlook.models.classical.pairs import Pair
from secondlook.models.classical.quadratic import interior_point, solve
from secondlook.models.classical.table import Table

LINEAR, RBF, POLY = Kernel("linear"), Kernel("rbf", 0.02), Kernel("poly", 0.02, 3, 1.0)


def rows(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return X.reshape(len(X), -1).astype(np.float32) / 255


def blobs(n: int, seed: int, k: int = 2) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Overlapping clouds of four numbers."""
    X, y = make_blobs(n, 4, centers=k, center_box=(-2, 2), random_state=seed)
    y[:k] = np.arange(k)
    return X.astype(np.float32), y.astype(np.int64)


def svc(kernel: Kernel, C: float, **options: Any) -> SVC:
    return SVC(kernel=kernel.name, C=C, gamma=kernel.gamma, degree=kernel.degree, coef0=kernel.coef0, **options)


def one(kernel: Kernel, X: Any, y: Any, C: float, weights: Any = None) -> Machine:
    weights = np.ones(len(y)) if weights is None else weights
    ((_, _, found),) = machines(kernel, X, y, weights, [C], [np.arange(len(y))])
    return found


@pytest.fixture
def by_pairs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pairs by themselves, from few rows, to a tolerance at which answers can be compared."""
    monkeypatch.setattr(machine, "_PAIR_NUMBERS", 0)
    monkeypatch.setattr(machine, "SHARED_NUMBERS", 0)
    monkeypatch.setattr(pairs, "_FEW", 40)
    monkeypatch.setattr(pairs, "_FIRST", 15)
    for module in (pairs, quadratic):
        monkeypatch.setattr(module, "TOLERANCE", 1e-7)
    return


@pytest.mark.usefixtures("by_pairs")
@pytest.mark.parametrize("method", ["libsvm", "interior point"])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("kernel", [LINEAR, RBF, POLY], ids=lambda kernel: kernel.name)
def test_a_machine_of_pairs_is_svcs(
    digits: Any, kernel: Kernel, C: float, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "libsvm":
        monkeypatch.setattr(quadratic, "INTERIOR_ROWS", 0)
    else:
        monkeypatch.setattr(quadratic, "_libsvm", lambda K, y, upper, steps: (None, False))
    X, y = rows(digits[0][0]), digits[0][1].astype(np.int64)
    found, wanted = one(kernel, X, y, C), svc(kernel, C, tol=1e-8).fit(X.astype(float), y)
    np.testing.assert_array_equal(found.n_support, np.bincount(y[found.support]))
    np.testing.assert_allclose(found.intercept, wanted.intercept_, atol=1e-4 * max(1, np.abs(wanted.intercept_).max()))
    # Rows of a coefficient of nearly 0 may be support vectors of the one and not of the other.
    dense = np.zeros((2, 9, len(y)))
    dense[0][:, found.support], dense[1][:, wanted.support_] = found.dual_coef, wanted.dual_coef_
    np.testing.assert_allclose(dense[0], dense[1], atol=2e-3 * np.abs(dense[1]).max())
    if kernel.name == "linear":
        np.testing.assert_allclose(found.weights(X), wanted.coef_, atol=1e-5 * np.abs(wanted.coef_).max())


@pytest.mark.usefixtures("by_pairs")
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("model", [LinearSVM(C=0.5), RbfSVM(C=5.0), PolySVM(C=0.1)], ids=["linear", "rbf", "poly"])
def test_a_model_of_pairs_answers_as_svc(digits: Any, model: Any, k: int) -> None:
    keep = digits[0][1] < k
    X, y, Xt = rows(digits[0][0])[keep], digits[0][1][keep], rows(digits[2][0])
    model = model.fit(X, y, valid=(X, y))
    kernel, C = model.settled(X)
    wanted = svc(kernel, C, tol=1e-8, break_ties=True).fit(X.astype(float), y)
    values = wanted.decision_function(Xt.astype(float))
    values = np.column_stack([-values, values]) if k == 2 else values
    np.testing.assert_allclose(model.decision_values(Xt), values, atol=1e-4)
    np.testing.assert_array_equal(model.predict(Xt), wanted.predict(Xt.astype(float)))


@pytest.mark.filterwarnings("ignore:Solver terminated early")
@pytest.mark.usefixtures("by_pairs")
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.sampled_from([LINEAR, Kernel("rbf", 0.5)]), st.booleans())
def test_every_row_of_a_pair_meets_the_conditions_of_the_optimum(
    seed: int, log_c: float, kernel: Kernel, weighted: bool
) -> None:
    X, y = blobs(150, seed)
    signs = np.where(y == 0, 1.0, -1.0)
    weights = np.random.default_rng(seed).uniform(0.1, 5, 150) if weighted else np.ones(150)
    upper = 10**log_c * weights
    (border,) = Pair(kernel, X, signs, weights).borders([10**log_c], np.ones(150, dtype=bool))
    a = border.coef * signs
    assert (a >= 0).all()
    assert (a <= upper * (1 + 1e-12)).all()
    assert abs(border.coef.sum()) <= 1e-5 * a.sum()
    small = 1e-4 * max(1, np.abs(border.margins).max())
    assert (border.margins[a == 0] >= 1 - small).all()
    assert (border.margins[a == upper] <= 1 + small).all()
    np.testing.assert_allclose(border.margins[(a > 1e-6 * upper) & (a < (1 - 1e-6) * upper)], 1, atol=small)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.floats(-2, 4), st.integers(2, 120), st.floats(-3, 3))
def test_the_interior_point_finds_what_libsvm_finds(seed: int, log_c: float, n: int, log_scale: float) -> None:
    X, y = blobs(n, seed)
    A = X.astype(float) * 10**log_scale
    K, signs = A @ A.T, np.where(y == 0, 1.0, -1.0)
    upper = np.full(n, 10**log_c) / np.mean(np.diag(K))

    def value(a: Any) -> float:
        return float(a.sum() - 0.5 * (a * signs) @ K @ (a * signs))

    found = interior_point(K, signs, upper)
    assert found is not None
    assert ((found >= 0) & (found <= upper)).all()
    libsvm = SVC(kernel="precomputed", C=upper[0], max_iter=10**6).fit(K, y)
    a = np.zeros(n)
    a[libsvm.support_] = np.abs(libsvm.dual_coef_[0])
    # The dual value is what both of them raise.
    assert value(found) >= value(a) * (1 - 1e-5)


def test_a_problem_too_hard_for_libsvm_goes_to_the_interior_point(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(200, 3)
    K, signs = LINEAR.table(X, X), np.where(y == 0, 1.0, -1.0)
    tried: list[int] = []
    real = quadratic._libsvm
    monkeypatch.setattr(quadratic, "_libsvm", lambda *a: (tried.append(a[3]), real(*a))[1])
    with pytest.warns(UserWarning, match="terminated early"):
        a, hard, reached = solve(K, signs, np.full(200, 1e4))
    assert reached
    assert (hard, tried) == (True, [1_000])
    np.testing.assert_allclose(a, solve(K, signs, np.full(200, 1e4), hard=True)[0])
    assert tried == [1_000]
    monkeypatch.setattr(quadratic, "interior_point", lambda K, y, upper: None)
    assert not solve(K, signs, np.full(200, 1e-3))[1]
    assert tried == [1_000, 1_000]
    with pytest.warns(UserWarning, match="terminated early"):
        _, hard, reached = solve(K, signs, np.full(200, 1e4))
    assert (hard, tried[-1], reached) == (False, quadratic.LAST_WORK // 200, True)
    monkeypatch.setattr(quadratic, "LAST_WORK", 400_000)
    with pytest.warns(UserWarning, match="terminated early"):
        assert not solve(K, signs, np.full(200, 1e4)).reached


def test_a_machine_that_does_not_get_there_ends_and_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PAIR_NUMBERS", 0)
    monkeypatch.setattr(quadratic, "interior_point", lambda K, y, upper: None)
    monkeypatch.setattr(quadratic, "LAST_WORK", 400_000)
    X, y = blobs(1_200, 3, k=3)
    y[y == 2] = np.arange((y == 2).sum()) % 2 + 1
    model = LinearSVM(C=1e4).fit(X, y, valid=(X, y))
    assert model.notes_ == ("3 of its machines of two classes stopped before they had converged",)


@pytest.mark.usefixtures("by_pairs")
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("kernel", [LINEAR, RBF], ids=lambda kernel: kernel.name)
def test_rows_far_from_the_origin_are_fitted_as_those_that_are_near(
    kernel: Kernel, C: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = blobs(300, 1, k=3)
    far = X + np.float32(3_000)
    near = (far.astype(np.float64) - 3_000).astype(np.float32)  # what is left of the last digits
    found, wanted = one(kernel, far, y, C), svc(kernel, C, tol=1e-8).fit(near.astype(float), y)
    dense = np.zeros((2, 2, len(y)))
    dense[0][:, found.support], dense[1][:, wanted.support_] = found.dual_coef, wanted.dual_coef_
    np.testing.assert_allclose(dense[0], dense[1], atol=2e-3 * np.abs(dense[1]).max())
    intercept = found.intercept
    if kernel.name == "linear":
        weights = found.weights(far)
        np.testing.assert_allclose(weights, one(kernel, near, y, C).weights(near), atol=1e-5)
        np.testing.assert_allclose(weights, wanted.coef_, atol=2e-4 * np.abs(wanted.coef_).max())
        intercept = intercept + 3_000 * weights.sum(axis=1)
    np.testing.assert_allclose(intercept, wanted.intercept_, atol=1e-3 * max(1, np.abs(wanted.intercept_).max()))


def test_many_overlapping_rows_far_from_the_origin_come_to_an_end() -> None:
    rng = np.random.default_rng(0)
    X, signs = rng.normal(size=(1_500, 4)).astype(np.float32), np.where(np.arange(1_500) % 2 == 0, 1.0, -1.0)
    X[signs > 0] += 0.5
    far = X + np.float32(3_000)
    (border,) = Pair(LINEAR, far, signs, np.ones(1_500)).borders([1.0], np.ones(1_500, dtype=bool))
    assert border.reached
    near = far.astype(np.float64) - 3_000
    wanted = SVC(kernel="linear").fit(near, signs < 0)
    np.testing.assert_allclose(border.margins * signs, -wanted.decision_function(near), atol=5e-3)
    values = far.astype(np.float64) @ (border.coef @ far.astype(np.float64)) + border.intercept
    np.testing.assert_allclose(values, border.margins * signs, atol=1e-5)


def test_a_fit_leaves_numpys_own_random_numbers_alone(digits: Any) -> None:
    X, y = digits[0][0][:200], digits[0][1][:200]
    before = np.random.get_state()[1:3]  # noqa: NPY002
    RbfSVM().fit(X, y)
    solve(np.eye(4), np.array([1.0, -1.0, 1.0, -1.0]), np.ones(4))
    after = np.random.get_state()[1:3]  # noqa: NPY002
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1] == after[1]


def test_filters_of_warnings_are_as_before_after_fits_in_threads(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "threads", lambda: 2)
    real = Kernel.svc
    first = Barrier(2)

    def svc_in_step(self: Kernel, C: float, n: int) -> SVC:
        # As scikit-learn's own code does, with both threads inside; the first to enter is the first to leave.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            place = first.wait()
            sleep(0.05 * place)
        return real(self, C, n)

    monkeypatch.setattr(Kernel, "svc", svc_in_step)
    before = list(warnings.filters)
    X, y = rows(digits[0][0])[:100], digits[0][1][:100].astype(np.int64)
    list(machines(RBF, X, y, np.ones(100), [1.0, 5.0], [np.arange(100)]))
    assert list(warnings.filters) == before


@pytest.mark.usefixtures("by_pairs")
def test_rows_of_no_part_take_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = Pair.__init__

    def spy(self: Pair, kernel: Kernel, X: Any, *rest: Any, **options: Any) -> None:
        sizes.append(len(X))
        real(self, kernel, X, *rest, **options)

    monkeypatch.setattr(Pair, "__init__", spy)
    X, y = blobs(300, 4, k=3)
    parts = [np.arange(0, 60, 2), np.arange(0, 60, 3)]
    used = np.union1d(*parts)
    found = list(machines(LINEAR, X, y, np.ones(300), [1.0], parts))
    assert sum(sizes) == 2 * len(used)
    for p, _, own in found:
        alone = svc(LINEAR, 1.0, tol=1e-8).fit(X[parts[p]], y[parts[p]])
        np.testing.assert_allclose(own.intercept, alone.intercept_, atol=1e-4)


@pytest.mark.usefixtures("by_pairs")
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_an_intercept_without_a_free_row_is_libsvms(scale: float) -> None:
    X, y = blobs(120, 5)
    y = np.arange(120) % 2  # of equal number, so that all may be at the bound
    found, wanted = one(LINEAR, X, y, 1e-4 * scale), svc(LINEAR, 1e-4 * scale, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(found.intercept, -wanted.intercept_, atol=1e-6)


@pytest.mark.usefixtures("by_pairs")
def test_a_row_that_counts_twice_is_as_good_as_two() -> None:
    X, y = blobs(120, 1, k=3)
    twice = np.arange(0, 120, 4)
    weights = np.ones(120)
    weights[twice] = 2
    weighted = one(RBF, X, y, 1.0, weights)
    repeated = one(RBF, np.concatenate([X, X[twice]]), np.concatenate([y, y[twice]]), 1.0)
    np.testing.assert_allclose(weighted.intercept, repeated.intercept, atol=1e-4)


@pytest.mark.usefixtures("by_pairs")
def test_a_class_of_one_row_takes_part() -> None:
    X, y = blobs(300, 2, k=3)
    keep = (y != 2) | (np.arange(300) == 2)
    X, y = X[keep], y[keep]
    found, wanted = one(LINEAR, X, y, 1.0), svc(LINEAR, 1.0, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(found.weights(X), wanted.coef_, atol=1e-4)
    assert found.n_support[2] == 1


@pytest.mark.usefixtures("by_pairs")
def test_a_part_without_the_rows_near_the_last_margin_still_has_both_classes() -> None:
    X, y = blobs(400, 7)
    signs = np.where(y == 0, 1.0, -1.0)
    pair = Pair(LINEAR, X, signs, np.ones(400))
    everywhere_far = np.full(400, 9.0)
    (near,) = pair.borders([1.0], np.ones(400, dtype=bool), everywhere_far)
    (cold,) = pair.borders([1.0], np.ones(400, dtype=bool))
    np.testing.assert_allclose(near.margins, cold.margins, atol=1e-5)


def test_once_no_coefficient_is_at_its_bound_a_higher_one_changes_nothing() -> None:
    X, y = blobs(60, 0)
    X[y == 1] += 100
    path = list(Pair(LINEAR, X, np.where(y == 0, 1.0, -1.0), np.ones(60)).borders([1e-9, 1.0, 2.0], np.ones(60, bool)))
    assert [border.at_bound for border in path] == [True, False, False]
    assert path[2] is path[1]
    assert path[1] is not path[0]


@pytest.mark.usefixtures("by_pairs")
@pytest.mark.parametrize("k", [2, 4])
def test_parts_and_cs_are_those_fitted_one_by_one_on_any_number_of_threads(
    k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = blobs(240, 4, k)
    parts = [np.flatnonzero(np.arange(240) % 3 != fold) for fold in range(3)]
    Cs = [1.0, 0.01, 30.0]
    for count in (1, 3):
        monkeypatch.setattr(machine, "threads", lambda count=count: count)
        shares: list[float] = []
        for p, c, found in machines(LINEAR, X, y, np.ones(240), Cs, parts, shares.append):
            alone = svc(LINEAR, Cs[c], tol=1e-8).fit(X[parts[p]], y[parts[p]])
            sign = -1 if k == 2 else 1
            np.testing.assert_allclose(found.intercept, sign * alone.intercept_, atol=1e-4)
            np.testing.assert_allclose(found.weights(X), sign * alone.coef_, atol=1e-3)
            assert np.isin(found.support, parts[p]).all()
        assert shares == sorted(shares)
        assert shares[-1] == 1


def test_small_problems_are_libsvms_own(digits: Any) -> None:
    X, y = rows(digits[0][0]), digits[0][1].astype(np.int64)
    parts = [np.arange(0, 900, 2), np.arange(1, 900, 2)]
    for p, c, found in machines(RBF, X, y, np.ones(900), [1.0, 5.0], parts):
        alone = svc(RBF, [1.0, 5.0][c]).fit(X[parts[p]].astype(float), y[parts[p]])
        np.testing.assert_array_equal(found.support, parts[p][alone.support_])
        np.testing.assert_array_equal(found.dual_coef, alone.dual_coef_)
        np.testing.assert_array_equal(found.intercept, alone.intercept_)


@pytest.mark.usefixtures("by_pairs")
def test_what_is_left_to_libsvms_own_kernel_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(200, 6)
    usual = one(RBF, X, y, 1.0)
    monkeypatch.setattr(pairs, "MOST_ROWS", 50)
    np.testing.assert_allclose(one(RBF, X, y, 1.0).intercept, usual.intercept, atol=2e-3)


@pytest.mark.parametrize("kernel", [LINEAR, RBF, POLY], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("most", [0, 900, 10**6])
def test_a_table_gives_the_kernel_whether_it_keeps_it_or_not(kernel: Kernel, most: int) -> None:
    X, _ = blobs(60, 0)
    table, whole = Table(kernel, X, most), kernel.table(X, X)
    rng = np.random.default_rng(0)
    for size in (5, 10, 3, 30):
        some = np.sort(rng.choice(60, size, replace=False))
        coef = rng.normal(size=size)
        np.testing.assert_allclose(table.square(some), whole[np.ix_(some, some)], atol=1e-5)
        np.testing.assert_allclose(table.sums(some, coef), whole[:, some] @ coef, atol=1e-4)


def test_kernel_sums_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    X, _ = blobs(50, 0)
    whole = RBF.sums(X, X[:20], np.ones(20))
    monkeypatch.setattr("secondlook.models.classical.kernels.BLOCK", 100)
    np.testing.assert_allclose(RBF.sums(X, X[:20], np.ones(20)), whole)
    np.testing.assert_allclose(whole, RBF.table(X, X[:20]).sum(axis=1))


@given(st.integers(1, 30), st.integers(0, 10**6))
def test_cholesky_solves_as_numpy(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    matrix, right = A @ A.T + np.eye(n), rng.normal(size=n)
    np.testing.assert_allclose(Cholesky(matrix.copy()).solve(right), np.linalg.solve(matrix, right), rtol=1e-6)


def test_cholesky_refuses_what_is_not_positive_definite() -> None:
    with pytest.raises(LinAlgError, match="expected a positive definite matrix, but row 2 shows that it is not"):
        Cholesky(np.diag([1.0, -1.0, 1.0]))
    no_kernel = np.array([[1.0, 50.0], [50.0, 1.0]])
    assert interior_point(no_kernel, np.array([1.0, -1.0]), np.ones(2)) is None
