"""An id for every item: the hash of its source bytes, so that identical items are known as such."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS = np.array([f"{byte:02x}" for byte in range(256)])
_LETTERS = 16
_BLOCK = 2**18


def hash_bytes(data: bytes) -> str:
    """16 hex digits of blake2b."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def hash_rows(x: NDArray[Any]) -> NDArray[np.uint8]:
    """The hash of each item of an array (n, …), uint8 (n, 8): of its raw bytes, with dtype and shape."""
    rows = np.ascontiguousarray(x).reshape(len(x), prod(x.shape[1:]))
    start = hashlib.blake2b(f"{x.dtype.newbyteorder('=')}{x.shape[1:]}".encode(), digest_size=8)
    # Big-endian files hold the same numbers as their native copies, and get the same ids.
    rows = rows.astype(rows.dtype.newbyteorder("="), copy=False)
    digests = bytearray()
    for row in rows:
        digest = start.copy()
        digest.update(row.data)
        digests += digest.digest()
    return np.frombuffer(digests, np.uint8).reshape(len(x), 8)


def hexadecimal(digests: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Hashes uint8 (n, 8) as text, 16 hex digits each."""
    return np.ascontiguousarray(_DIGITS[digests]).view(f"<U{_LETTERS}").reshape(len(digests))


def numbered(hashes: Iterable[str] | NDArray[np.str_]) -> NDArray[np.str_]:
    """The hashes as unique ids: the second of equals ends in "#2", the third in "#3"."""
    ids = hashes if isinstance(hashes, np.ndarray) else np.array(list(hashes), dtype=np.str_)
    words = _words(ids)
    order = np.argsort(words, kind="stable")
    new = np.flatnonzero(_changes(words[order]))
    rank = np.arange(len(order)) - np.repeat(new, np.diff(new, append=len(order)))
    again = np.flatnonzero(rank)
    if not len(again):
        return ids
    width = len(str(rank.max() + 1))
    out = ids.astype(f"<U{ids.dtype.itemsize // 4 + 1 + width}")
    out[order[again]] = np.strings.add(np.strings.add(ids[order[again]], "#"), (rank[again] + 1).astype(f"<U{width}"))
    return out


def codes(ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """A number from 0 per item, the same for items of equal bytes: ids that are equal before "#"."""
    return np.unique(_words(ids), return_inverse=True)[1].astype(np.int64)


def _words(ids: NDArray[np.str_]) -> NDArray[Any]:
    """What stands before "#": as numbers where all are hashes, since those take an eighth of the room, else as text."""
    words = np.empty(len(ids), np.uint64)
    for at in range(0, len(ids), _BLOCK):
        block = _as_numbers(ids[at : at + _BLOCK])
        if block is None:
            stems: NDArray[np.str_] = np.strings.partition(ids, "#")[0]
            return stems
        words[at : at + _BLOCK] = block
    return words


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a sorted array has another value than just before."""
    return np.concatenate([np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1]])


def _as_numbers(ids: NDArray[np.str_]) -> NDArray[np.uint64] | None:
    """What 16 hex digits say, uint64 (n,); None where some id does not begin with them and end there or in "#"."""
    width = ids.dtype.itemsize // 4
    if width < _LETTERS:
        return None
    letters = np.ascontiguousarray(ids).view(np.uint32).reshape(len(ids), width)
    digit, head = letters[:, :_LETTERS], letters[:, _LETTERS : _LETTERS + 1]
    is_number, is_letter = (digit >= ord("0")) & (digit <= ord("9")), (digit >= ord("a")) & (digit <= ord("f"))
    if not ((is_number | is_letter).all() and ((head == 0) | (head == ord("#"))).all()):
        return None
    value = np.where(is_number, digit - ord("0"), digit - ord("a") + 10).astype(np.uint8)
    pairs: NDArray[np.uint8] = value[:, ::2] * np.uint8(16) + value[:, 1::2]
    return np.ascontiguousarray(pairs).view(">u8").reshape(len(ids)).astype(np.uint64)


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Sorts "2" before "10", and "b" after "A"; the name itself settles the rest."""
    words = re.split("([0-9]+)", name)
    return tuple(int(w) if i % 2 else w.casefold() for i, w in enumerate(words)), name
