"""Images smaller than a net takes, enlarged to the smallest that it does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.large import empty

# Numbers that are enlarged at a time.
_BLOCK_NUMBERS = 4_000_000


def to_size(X: NDArray[Any], image: tuple[int, int, int]) -> NDArray[Any]:
    """Images (n, h, w, c) at the height and width of `image`, bilinear; the array itself where it has them."""
    h, w, c = image
    if X.shape[1:3] == (h, w):
        return X
    large = empty((len(X), h, w, c), X.dtype, "the net's images")
    step = max(1, _BLOCK_NUMBERS // (h * w * c))
    for at in range(0, len(X), step):
        large[at : at + step] = _enlarged(X[at : at + step], h, w)
    return large


def _enlarged(X: NDArray[Any], h: int, w: int) -> NDArray[Any]:
    import torch

    x = torch.from_numpy(np.array(X, dtype=np.float32)).permute(0, 3, 1, 2)
    x = torch.nn.functional.interpolate(x, size=(h, w), mode="bilinear", align_corners=False)
    large = x.permute(0, 2, 3, 1).contiguous().numpy()
    return large.round().astype(np.uint8) if X.dtype == np.uint8 else large
