"""The two sets that need no file: `digits`, real and small, and `slash`, generated."""

from __future__ import annotations

import numpy as np

from secondlook.data.read.arrays import from_arrays, resized
from secondlook.data.read.settings import Settings
from secondlook.types import ImageSet

BUILTINS = ("digits", "slash")


def read(name: str, settings: Settings) -> ImageSet:
    """A built-in by its name."""
    return _digits(settings) if name == "digits" else _slash(settings)


def _digits(settings: Settings) -> ImageSet:
    """1,797 handwritten digits of 8x8 pixels, values 0 to 16 stretched to bytes.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository
    (1998), the test half, as scikit-learn ships it.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return from_arrays(
        pixels,
        bunch.target,
        source="digits",
        kind="scikit-learn's handwritten digits, built in",
        names=[f"digits:{i}" for i in range(len(pixels))],
        settings=settings,
    )


def _slash(settings: Settings) -> ImageSet:
    # Imported here because the generator itself uses the array reader of this package.
    from secondlook.data.slash import make_slash

    return resized(make_slash(), settings)
