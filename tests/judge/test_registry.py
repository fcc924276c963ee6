from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondlook.errors import UsageError
from secondlook.judge.findings import DataContext, data_checks, judge_data
from secondlook.judge.registry import Check, check_mute, run_checks
from secondlook.types import Fault, Finding, Severity


def check(code: str, severity: Severity | None = None, reason: str = "") -> Check[str]:
    def find(context: str) -> Finding | None:
        assert not reason, "asked though it does not apply"
        return Finding(code, f"{context}.", severity, {}, "Do it.") if severity else None

    return Check(code, "about", lambda context: reason, find)


def test_findings_come_with_the_serious_first_and_then_by_code() -> None:
    checks = [check("D301", "info"), check("D102", "info"), check("D201", "serious"), check("D101", "warning")]
    checked = run_checks(checks, "it")
    assert [finding.code for finding in checked.findings] == ["D201", "D101", "D102", "D301"]


def test_every_check_ends_in_one_of_four_ways() -> None:
    checks = [check("D1", "info"), check("D2"), check("D3", reason="no labels"), check("D4", "serious")]
    checked = run_checks(checks, "it", mute=["D4"])
    assert [finding.code for finding in checked.findings] == ["D1"]
    assert checked.silent == ("D2",)
    assert checked.not_applicable == {"D3": "no labels"}
    assert checked.muted == ("D4",)


def test_a_muted_check_is_not_made() -> None:
    def find(context: str) -> Finding | None:
        raise AssertionError("it was made")

    assert run_checks([Check("D1", "", lambda _: "", find)], "it", mute=["D1"]).muted == ("D1",)


def test_codes_to_mute_are_known_and_come_in_capitals() -> None:
    assert check_mute([" d101", "D102", "D101", ""], ["D101", "D102"]) == ("D101", "D102")
    with pytest.raises(UsageError, match="expected --mute with codes out of D101, D102, got 'D999'"):
        check_mute(["D999"], ["D102", "D101"])


def test_every_check_of_data_has_a_code_of_its_own_and_says_what_it_is_about() -> None:
    checks = data_checks()
    codes = [check.code for check in checks]
    assert len(set(codes)) == len(codes)
    for made in checks:
        assert re.fullmatch(r"D[1-5]\d\d", made.code), made.code
        assert made.about.endswith("."), made.code
        assert re.search("info|warning|serious", made.severity), f"{made.code} does not say how severe it is"


def test_codes_are_stable() -> None:
    # A code may be muted in somebody's pipeline: none is renamed or given to another check.
    ours = {check.code for check in data_checks() if check.code > "D2"}
    assert ours == {
        *(f"D20{i}" for i in range(1, 9)),
        *(f"D30{i}" for i in range(1, 8)),
        *(f"D40{i}" for i in range(1, 5)),
        *(f"D50{i}" for i in range(1, 7)),
    }


def test_a_set_is_judged_by_all_checks_and_the_findings_are_plain_json(
    make_set: Callable, make_context: Callable
) -> None:
    context: DataContext = make_context(make_set([0] * 40 + [1] * 8 + [-1]))
    checked = judge_data(context, mute=["d206"])
    ways = [*(finding.code for finding in checked.findings), *checked.silent, *checked.not_applicable, *checked.muted]
    assert sorted(ways) == sorted(check.code for check in data_checks())
    assert checked.muted == ("D206",)
    assert "D201" in [finding.code for finding in checked.findings]
    for finding in checked.findings:
        assert json.loads(json.dumps(finding.json(), allow_nan=False)) == finding.json()
        assert finding.title.endswith(".")
        assert finding.advice.endswith(".")
        assert "n" in finding.evidence


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(1, 40),
    k=st.integers(1, 5),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    kind=st.sampled_from(["bytes", "floats", "constant"]),
    with_parts=st.booleans(),
    with_origins=st.booleans(),
    cut=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_set_can_be_judged(
    n: int,
    k: int,
    shape: tuple[int, int, int],
    kind: str,
    with_parts: bool,
    with_origins: bool,
    cut: bool,
    seed: int,
    make_set: Callable,
    make_context: Callable,
    make_origins: Callable,
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    pixels = {"bytes": pixels, "floats": (pixels / 255).astype(np.float32), "constant": pixels * 0 + 9}[kind]
    context = make_context(
        make_set(
            rng.integers(-1, k, n),
            pixels,
            parts=rng.choice(["train", "valid", "test"], n) if with_parts else ["train"] * n,
            origins=make_origins(n, widths=rng.integers(1, 999, n), bytes=rng.integers(1, 99, n))
            if with_origins
            else None,
            classes=tuple("abcde"[:k]),
            faults=tuple(Fault(f"{i}", "broken", "cut off") for i in range(seed % 3)),
        ),
        np.array_split(rng.permutation(n), 3) if cut else None,
    )
    for finding in judge_data(context).findings:
        assert json.loads(json.dumps(finding.json(), allow_nan=False)) == finding.json()
        assert len({item.index for item in finding.items if item.index >= 0}) <= n
