"""Streams depend on the seed and the purpose, and on nothing else."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from secondlook import seeds

words = st.lists(st.one_of(st.text(max_size=5), st.integers(0, 99)), min_size=1, max_size=3)


@given(st.integers(0, 2**40), words, words)
def test_a_stream_is_its_seed_and_purpose(seed: int, one: list[str | int], other: list[str | int]) -> None:
    def draw(seed: int, purpose: list[str | int]) -> list[int]:
        return seeds.stream(seed, *purpose).integers(2**60, size=4).tolist()

    assert draw(seed, one) == draw(seed, one)
    assert draw(seed, one) != draw(seed + 1, one)
    if [str(w) for w in one] != [str(w) for w in other]:
        assert draw(seed, one) != draw(seed, other)


def test_words_do_not_run_into_each_other() -> None:
    assert seeds.integer(0, "ab", "c") != seeds.integer(0, "a", "bc")


def test_an_integer_is_the_same_in_every_process() -> None:
    code = "from secondlook import seeds; print(seeds.integer(7, 'init', 'lenet'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == seeds.integer(7, "init", "lenet")
    assert 0 <= int(done.stdout) < 2**31
