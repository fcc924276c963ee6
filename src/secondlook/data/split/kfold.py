"""Repeated k-fold cross-validation: for small sets, where one test part would be a matter of luck."""

from __future__ import annotations

import numpy as np

from secondlook import seeds
from secondlook.data.split.bonds import bond_codes, joined
from secondlook.data.split.cut import Shape, cut, usable
from secondlook.data.split.parts import TORN, enumerated, kept_together, own_parts, part_size, pool_of
from secondlook.errors import DataError, UsageError
from secondlook.types import Folds, ImageSet, IntArray, Split


def folds(
    images: ImageSet,
    *,
    k: int,
    repeats: int = 2,
    valid: float | int = 0.15,
    seed: int = 0,
    together: IntArray | None = None,
) -> Folds:
    """`k` folds, `repeats` times over: every labelled image is tested exactly once per repeat.

    Folds are stratified by class (within one image), of equal size (within one), and what must stay together lies in
    one fold, as in `split`. The images of the other folds are divided into train and valid by the same rules.

    Args:
        images: those with label -1 are left out.
        k: 2 or more. repeats: 1 or more.
        valid: the share (or number) of a fold's remaining images that choose and stop; the others train.
        seed: another seed is another division.
        together: near copies, as in `split`.

    Raises:
        UsageError: the source has its own valid or test part; k, repeats or valid cannot be.
        DataError: no labelled images, or too many that must stay together.
    """
    pool = _pool(images, k, repeats)
    labels, bonds = images.labels[pool], bond_codes(images, pool)
    wide = bonds if together is None else joined(bonds, together[pool])
    near = "" if together is None else "kept"
    _require_valid(labels, k, valid)
    found = [_repeat(labels, wide, k, valid, seed, r) for r in range(repeats)]
    if wide is not bonds and not all(_serves(tables, labels, bonds) for tables in found):
        found, near = [_repeat(labels, bonds, k, valid, seed, r) for r in range(repeats)], "torn"
    parts = [part_of for tables in found for part_of in tables]
    _require_filled(images, labels, parts, k)
    method = _method(images, k, repeats, near, parts)
    splits = [Split(pool[p == 0], pool[p == 1], pool[p == 2], method, seed) for p in parts]
    return Folds(tuple(splits), k, repeats, method, seed)


def _pool(images: ImageSet, k: int, repeats: int) -> IntArray:
    if k < 2 or repeats < 1:
        raise UsageError(f"expected at least 2 folds, once or more often, got {k} folds, {repeats} times")
    if own := [part for part in own_parts(images) if part != "train"]:
        raise UsageError(
            f"{images.source}: expected a set without parts of its own for folds, got its own {enumerated(own)}; "
            "leave --cv out, or give the training part alone"
        )
    pool = pool_of(images)
    if len(pool) < k:
        raise DataError(
            f"{images.source}: expected at least {k} labelled images for {k} folds, got {len(pool)}; take fewer folds"
        )
    return pool


def _require_valid(labels: IntArray, k: int, valid: float | int) -> None:
    rest, classes = len(labels) - -(-len(labels) // k), len(np.unique(labels))
    size = part_size("valid", valid, rest)
    if size < classes or rest - size < classes:
        raise UsageError(
            f"expected a valid part of each fold's other {rest:,} images that leaves at least {classes:,} on either "
            f"side, one per class, got {size:,}; give a {'larger' if size < classes else 'smaller'} valid"
        )


def _repeat(labels: IntArray, bonds: IntArray, k: int, valid: float | int, seed: int, repeat: int) -> list[IntArray]:
    """For every fold the part of each image, int64 (n,): 0 train, 1 valid, 2 test."""
    rng = seeds.stream(seed, "folds", repeat)
    ends = np.arange(k + 1) * len(labels) // k
    fold_of = cut(labels, bonds, Shape(tuple(np.diff(ends).tolist()), (k,) * k), rng)
    tables = []
    for fold in range(k):
        part_of = np.full(len(labels), 2, dtype=np.int64)
        rest = np.flatnonzero(fold_of != fold)
        size = min(part_size("valid", valid, len(rest)), len(rest))
        shape = Shape((len(rest) - size, size), (1, 2), order=(0, 1))
        part_of[rest] = cut(labels[rest], bonds[rest], shape, rng)
        tables.append(part_of)
    return tables


def _serves(tables: list[IntArray], labels: IntArray, bonds: IntArray) -> bool:
    """Whether folds and their parts have half their size at least, and no class is missing where it could be."""
    n, k = len(labels), len(tables)
    tested = np.stack([part_of == 2 for part_of in tables])
    whole = Shape((n // k,) * k, (k,) * k)
    if not usable(tested.argmax(axis=0), labels, bonds, whole, always=()):
        return False
    able = np.flatnonzero(np.bincount(np.unique(np.stack([labels, bonds]), axis=1)[0]) >= 3)
    return all(
        (part_of == 1).any() and np.isin(able, labels[part_of == 0]).all() and len(np.unique(labels[part_of == 0])) > 1
        for part_of in tables
    )


def _require_filled(images: ImageSet, labels: IntArray, parts: list[IntArray], k: int) -> None:
    whose = "identical" if images.groups is None else "in groups or identical"
    for part_of in parts:
        if any(not (part_of == i).any() for i in range(3)) or len(np.unique(labels[part_of == 0])) < 2:
            raise DataError(
                f"{images.source}: expected enough different images to fill {k} folds, to choose and to train on two "
                f"classes in each, got too many that are {whose}, which must stay together; take fewer folds"
            )


def _method(images: ImageSet, k: int, repeats: int, near: str, parts: list[IntArray]) -> str:
    times = {1: "once", 2: "twice"}.get(repeats, f"{repeats} times")
    clauses = [f"{k} folds, {times}, stratified by class, {kept_together(images, near)}"]
    sizes = [int((part_of == 2).sum()) for part_of in parts]
    if max(sizes) - min(sizes) > 1:
        clauses[0] += f", so folds have {min(sizes):,} to {max(sizes):,} images"
    clauses += [TORN] if near == "torn" else []
    return "; ".join([*clauses, "valid cut from each fold's other images in the same way"])
