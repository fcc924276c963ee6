"""The invariance probe: what a model makes of test images that mean the same to a person.

A model is asked again about a sample of the test images after they were shifted by a few pixels, turned by 15 degrees,
noised, or inverted. A convolution that pools over places answers as before; a linear model, for which every pixel has a
weight of its own, may not. Whether it should answer as before is for the user to say: a turned 6 is no 9 yet, but an
inverted drawing may well be one that the model need not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.intervals import wilson
from secondlook.measure.pairs import agresti_min
from secondlook.models.base import stratified
from secondlook.types import FloatArray, IntArray, Predictions, Probe

# Images that are probed at most, enough for ± 3 points; and at least, ± 7, where they are large.
MOST, LEAST = 1_000, 200
# Numbers that all of them together have: 1,000 images of 28x28 in colour or 325 of 64x64.
_NUMBERS = 4_000_000


def sample(labels: IntArray, shape: tuple[int, int, int], seed: int) -> IntArray:
    """Which items of the test part are probed: sorted places, int64 (m,), each class by its share.

    Args:
        labels: int64 (n,), of the test part. shape: one image's (h, w, c); of large images fewer are probed.
    """
    most = max(LEAST, min(MOST, _NUMBERS // prod(shape)))
    if len(labels) <= most:
        return np.arange(len(labels), dtype=np.int64)
    return stratified(labels, most, seed, "probe", "sample")


def score_probes(said: Predictions, answers: Mapping[str, NDArray[Any]]) -> tuple[Probe, ...]:
    """The accuracy of one model on each kind of changed images, the untouched ones first.

    Args:
        said: what the model says of the test part.
        answers: as `models.probing.read_probes` gives them: "items", places in the test part (m,), and for each probe
            the answers, (ways, m).

    Returns:
        With Wilson's intervals for m images. A drop is paired: where a probe goes several ways an item counts by the
        share of ways in which it was lost or won, and Agresti and Min's interval takes these shares for items, which
        makes it rather too wide.
    """
    places = answers["items"]
    labels = said.labels[places]
    right = (said.predicted[places] == labels).astype(np.float64)
    found = [_probe(said.model, "untouched", right, right)]
    for name, table in answers.items():
        if name != "items":
            found.append(_probe(said.model, name, (table == labels).mean(axis=0), right))
    return tuple(found)


def _probe(model: str, name: str, hits: FloatArray, untouched: FloatArray) -> Probe:
    """One probe from the share of hits of each item, and whether it was one before, float64 (m,) each."""
    n, accuracy = len(hits), float(hits.mean())
    low, high = wilson(round(float(hits.sum())), n)
    lost = untouched - hits
    drop = float(lost.mean())
    gone, come = float(lost.clip(0).sum()), float((-lost).clip(0).sum())
    drop_low, drop_high = (0.0, 0.0)
    if hits is not untouched:
        drop_low, drop_high = agresti_min(round(gone), min(round(come), n - round(gone)), n)
    return Probe(
        model, name, n, accuracy, min(low, accuracy), max(high, accuracy),
        drop, min(drop_low, drop), max(drop_high, drop),
    )  # fmt: skip
