from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.data.read.names import RowNames, taken

PIECES = st.lists(st.tuples(st.sampled_from(["a:", "b:", ""]), st.lists(st.integers(0, 99), max_size=4)), max_size=4)


def made(pieces: list[tuple[str, list[int]]]) -> tuple[RowNames, list[str]]:
    names = RowNames([(prefix, np.array(rows, np.int64)) for prefix, rows in pieces])
    return names, [f"{prefix}{row}" for prefix, rows in pieces for row in rows]


@given(PIECES, st.data())
def test_names_are_those_of_a_list(pieces: list[tuple[str, list[int]]], data: st.DataObject) -> None:
    names, expected = made(pieces)
    assert list(names) == expected
    assert len(names) == len(expected)
    assert np.array(names, dtype=np.str_).tolist() == expected
    assert list(reversed(names)) == expected[::-1]
    if expected:
        i = data.draw(st.integers(-len(expected), len(expected) - 1))
        assert names[i] == expected[i]
        assert names[np.int64(i)] == expected[i]
        items = np.array(data.draw(st.lists(st.integers(0, len(expected) - 1))), np.int64)
        assert list(taken(names, items)) == list(taken(expected, items)) == [expected[k] for k in items]
    part = data.draw(st.slices(len(expected)))
    assert list(names[part]) == expected[part]


def test_a_range_is_kept_as_one() -> None:
    names = RowNames([("x:", range(10**12)), ("y:", range(2, 10**12))])
    assert names[10**12 - 1] == "x:999999999999"
    assert names[10**12] == "y:2"


@pytest.mark.parametrize("at", [2, -3])
def test_a_name_that_is_not_there_is_refused(at: int) -> None:
    with pytest.raises(IndexError, match=f"no name {at} among 2"):
        RowNames([("x:", range(2))])[at]
