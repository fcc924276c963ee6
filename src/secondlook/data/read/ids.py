"""An id for every item: the hash of its source bytes, so that identical items are known as such."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hash_bytes(data: bytes) -> str:
    """16 hex digits of blake2b."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def hash_rows(x: NDArray[Any]) -> list[str]:
    """One hash per item of an array (n, …), of its raw bytes, with dtype and shape."""
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    start = hashlib.blake2b(f"{x.dtype.newbyteorder('=')}{x.shape[1:]}".encode(), digest_size=8)
    # Big-endian files hold the same numbers as their native copies, and get the same ids.
    rows = rows.astype(rows.dtype.newbyteorder("="), copy=False)
    hashes = []
    for row in rows:
        digest = start.copy()
        digest.update(row.data)
        hashes.append(digest.hexdigest())
    return hashes


def numbered(hashes: Iterable[str]) -> NDArray[np.str_]:
    """The hashes as unique ids: the second of equals ends in "#2", the third in "#3"."""
    seen: Counter[str] = Counter()
    ids = []
    for text in hashes:
        seen[text] += 1
        ids.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
    return np.array(ids, dtype=np.str_)


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Sorts "2" before "10", and "b" after "A"; the name itself settles the rest."""
    words = re.split("([0-9]+)", name)
    return tuple(int(w) if i % 2 else w.casefold() for i, w in enumerate(words)), name
