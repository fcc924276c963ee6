"""Which images train, which choose, which judge.

Stratified by class, exact in size, and what belongs together stays together: identical images, near copies, and the
groups that the user names. A source that comes with its own parts keeps them; identical images that lie on both sides
there are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondlook import seeds
from secondlook.data.split.bonds import bond_codes, joined
from secondlook.data.split.cut import Shape, cut, usable
from secondlook.data.words import few, repeats
from secondlook.errors import DataError, UsageError
from secondlook.types import PARTS, ImageSet, IntArray, Part, Split

# In this order in every table of this file.
_ORDER: tuple[Part, ...] = ("test", "valid", "train")
_BEFORE: tuple[tuple[Part, Part], ...] = (("test", "train"), ("test", "valid"), ("valid", "train"))
TORN = "nearly identical images are not, since they hang together in bundles too large to fill every part"


def split(
    images: ImageSet,
    *,
    valid: float | int = 0.15,
    test: float | int = 0.15,
    seed: int = 0,
    together: IntArray | None = None,
) -> Split:
    """Disjoint parts of the labelled images.

    Each class's share of a part is within one image of its fraction, and a class with three images or more gets at
    least one in every part where there is room. Images with equal bytes (ids equal before "#"), and those of one of
    `images.groups`, fall into one part; only where such bundles leave no other way are the sizes, and the shares, off.

    Args:
        images: those with label -1 are left out.
        valid: the validation part, as a fraction (0 < f < 1) of the labelled images or a count (an int).
        test: the test part, likewise. Where the source has its own parts, a part that is missing is cut from its
            training part, and a fraction refers to that.
        seed: another seed is another split.
        together: int64 (n,), images of one number stay in one part too (near copies), unless that leaves a part half
            empty or a class without training or test images: then they do not, and `method` says so.

    Raises:
        UsageError: fractions or counts that cannot be, or parts too small to hold every class.
        DataError: no labelled images, fewer than two classes to train on, or too many images that must stay together.
    """
    sizes = part_sizes(images, valid=valid, test=test)
    pool = pool_of(images)
    shape = Shape(tuple(sizes[part] for part in _ORDER), (3, 3, 1), order=(2, 0, 1))
    bonds = bond_codes(images, pool)
    labels = images.labels[pool]
    wide = bonds if together is None else joined(bonds, together[pool])
    part_of, near = cut(labels, wide, shape, seeds.stream(seed, "split")), "" if together is None else "kept"
    if wide is not bonds and not usable(part_of, labels, bonds, shape, always=(0, 2)):
        part_of, near = cut(labels, bonds, shape, seeds.stream(seed, "split")), "torn"
    parts = {part: pool[part_of == i] for i, part in enumerate(_ORDER)}
    _require_filled(images, pool, sizes, parts)
    own = own_parts(images)
    for part in own:
        if part != "train":
            parts[part] = np.flatnonzero((images.labels >= 0) & (images.parts == part)).astype(np.int64)
    method = _method(images, sizes, parts, near)
    return Split(parts["train"], parts["valid"], parts["test"], method=method, seed=seed)


def _require_filled(images: ImageSet, pool: IntArray, sizes: dict[Part, int], parts: dict[Part, IntArray]) -> None:
    what = "identical ones" if images.groups is None else "in groups or identical"
    if empty := [part for part in _ORDER if sizes[part] and not len(parts[part])]:
        raise DataError(
            f"{images.source}: expected enough different images to fill {' and '.join(empty)}, "
            f"got too many {what}, which must stay together in one part"
        )
    trained = np.unique(images.labels[parts["train"]])
    if len(trained) < 2 <= len(np.unique(images.labels[pool])):
        whose, remedy = ("identical images", "copies") if images.groups is None else ("groups", "copies or --group")
        raise DataError(
            f"{images.source}: expected at least 2 classes to train on, got only {images.classes[trained[0]]}, whose "
            f"{whose}, which must stay together, fill the training part; remove {remedy}"
        )


def part_sizes(images: ImageSet, *, valid: float | int, test: float | int) -> dict[Part, int]:
    """How many images each part takes from those we may divide; 0 where the source has the part itself.

    Raises:
        UsageError: as `split`.
        DataError: no labelled images; the source has parts of its own, but none to train on, or one with a single
            class where others hold more.
    """
    pool, own = pool_of(images), own_parts(images)
    n = len(pool)
    if own and images.parts is not None and "train" not in images.parts:
        raise DataError(
            f"{images.source}: expected a training part beside its own {enumerated(own)}, got none; "
            f"call one of them train, or give the images of one alone"
        )
    if not n:
        where = " in its own training part" if own else " to split"
        raise DataError(f"{images.source}: expected labelled images{where}, got none")
    k = len(np.unique(images.labels[pool]))
    if k < 2 and (lacking := _lacking(images, pool)):
        raise DataError(
            f"{images.source}: expected at least 2 classes in its own training part, "
            f"got only {images.classes[images.labels[pool[0]]]}; add images of {few(lacking)} to it"
        )
    sizes: dict[Part, int] = {"train": n, "valid": 0, "test": 0}
    asked: dict[Part, float | int] = {"valid": valid, "test": test}
    for part, share in asked.items():
        size = part_size(part, share, n)
        if part in own:
            continue
        if size < k:
            raise UsageError(
                f"expected a {part} part of at least {k:,} images, one per class, got {size:,} of {n:,}; "
                f"give a larger {part}"
            )
        sizes[part] = size
        sizes["train"] -= size
    if sizes["train"] < k:
        raise UsageError(
            f"expected valid and test to leave at least {k:,} images to train on, one per class, "
            f"got {sizes['valid']:,} + {sizes['test']:,} of {n:,}; give smaller ones"
        )
    return sizes


def part_size(part: str, share: float | int, n: int) -> int:
    """A part of `n` images as a number of them."""
    if isinstance(share, int | np.integer) and not isinstance(share, bool) and share >= 1:
        return int(share)
    if isinstance(share, float | np.floating) and 0 < share < 1:
        return max(1, int(share * n + 0.5))
    raise UsageError(f"expected {part} as a fraction between 0 and 1 or a count of at least 1, got {share!r}")


def own_parts(images: ImageSet) -> tuple[Part, ...]:
    """The parts the source came with, among its labelled images."""
    if images.parts is None:
        return ()
    return tuple(part for part in PARTS if (images.parts[images.labels >= 0] == part).any())


def pool_of(images: ImageSet) -> IntArray:
    """The images we may divide: all labelled ones, or those of the source's training part."""
    free = images.labels >= 0
    if images.parts is not None:
        free &= images.parts == "train"
    return np.flatnonzero(free).astype(np.int64)


def _lacking(images: ImageSet, items: IntArray) -> list[str]:
    """The classes that have images, but none among these items."""
    known = images.labels[images.labels >= 0]
    return [images.classes[c] for c in np.setdiff1d(known, images.labels[items])]


def _method(images: ImageSet, asked: dict[Part, int], parts: dict[Part, IntArray], near: str) -> str:
    """How the parts came about, and what of them may mislead."""
    own = own_parts(images)
    cut_by_us = [part for part in PARTS if part not in own and part != "train"]
    clauses = [f"the source's own {enumerated(own)}"] if own else []
    if cut_by_us:
        short = [
            f"{part} has {len(parts[part]):,}, not {asked[part]:,}"
            for part in cut_by_us
            if len(parts[part]) != asked[part]
        ]
        kept = f"stratified by class, {kept_together(images, near)}"
        kept = f"{kept}, so {enumerated(short)}" if short else kept
        clauses.append(f"{enumerated(cut_by_us)} cut from train, {kept}" if own else kept)
        clauses += [TORN] if near == "torn" else []
    if own:
        clauses += _repeats(images, parts)
    return "; ".join([*clauses, *_missing(images, parts)])


def kept_together(images: ImageSet, near: str) -> str:
    """What a cut left in one piece, in words; `near` is "kept", "torn" or "" for near copies that nobody looked for."""
    things = ["identical and nearly identical images" if near == "kept" else "identical images"]
    things += ["groups"] if images.groups is not None else []
    return f"{enumerated(things)} kept together"


def _missing(images: ImageSet, parts: dict[Part, IntArray]) -> list[str]:
    """Which classes cannot be learnt, and which cannot be judged."""
    clauses = []
    places: tuple[tuple[Part, str], ...] = (("train", "training"), ("test", "the test part"))
    for part, where in places:
        if lacking := _lacking(images, parts[part]):
            one = len(lacking) == 1
            clauses.append(f"class{'' if one else 'es'} {few(lacking)} {'is' if one else 'are'} not in {where}")
    return clauses


def _repeats(images: ImageSet, parts: dict[Part, IntArray]) -> list[str]:
    """How many images of a part have an identical one in a part that learns or chooses before it."""
    from secondlook.data.read.ids import codes as copies  # that room asks this one for sizes

    codes = copies(images.ids)
    found = [(int(np.isin(codes[parts[part]], codes[parts[before]]).sum()), part, before) for part, before in _BEFORE]
    return [repeats(n, len(parts[part]), part, before) for n, part, before in found if n]


def enumerated(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
