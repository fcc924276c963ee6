"""From encoded images to an ImageSet: one funnel for all readers of photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondlook.data.read import photos
from secondlook.data.read.arrays import describe, empty_classes, own_parts, said_of_classes, said_of_parts
from secondlook.data.read.decoding import Decoded
from secondlook.data.read.ids import natural_key, numbered
from secondlook.data.read.kept import decode_all
from secondlook.data.read.labels import encode
from secondlook.data.read.listing import Listing
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

_HOW = {"stretch": "", "pad": ", padded with black", "crop": ", the middle of each"}


def gather(listing: Listing, *, source: str, kind: str, settings: Settings, expected: str) -> ImageSet:
    """All images of a listing, turned upright, in one size and one colour mode; what is broken becomes a fault.

    A uniform size of at most 256 pixels is kept; otherwise images become 64x64. Only when all are stored as grey do
    they have one channel.

    Args:
        listing: what a reader found.
        source: what the user asked for; it stands in front of errors.
        kind: how the source was recognised: the beginning of `ImageSet.format`.
        settings: size, the way to resize, the cache.
        expected: what was expected of the source, for the error where no image can be read.

    Raises:
        DataError: no image can be read.
    """
    found = decode_all(listing, settings, source)
    items = found.items.tolist()
    faults = [*listing.faults, *_faults(listing, found)]
    faults.sort(key=lambda fault: [natural_key(part) for part in fault.name.split("/")])
    if not items:
        raise DataError(f"{source}: {expected}, got no image that can be read{_first(faults)}")
    labels, classes = encode(
        np.array([listing.labels[i] or "" for i in items], dtype=np.str_), len(items), source, listing.classes
    )
    parts = [listing.parts[i] for i in items] if listing.parts else None
    meant = (label for label, image in zip(listing.labels, listing.meant, strict=True) if label and image)
    unheld = empty_classes([*meant, *(listing.classes or ()), *listing.empty], classes)
    said = [
        *_scaled(found),
        *_resized(found, settings),
        *said_of_classes(listing.classes, unheld),
        *said_of_parts(parts),
    ]
    return ImageSet(
        pixels=found.pixels,
        labels=labels,
        classes=classes,
        ids=numbered(found.digests),
        names=[listing.names[i] for i in items],
        source=source,
        format=describe(kind, found.pixels, len(classes), notes=[*said, *listing.notes]),
        parts=own_parts(parts),
        groups=np.array([listing.groups[i] for i in items], dtype=np.str_) if listing.groups else None,
        faults=tuple(faults),
        origins=found.origins,
        empty_classes=unheld,
    )


def _faults(listing: Listing, found: Decoded) -> list[Fault]:
    return [photos.fault(listing.names[i], header, meant=listing.meant[i]) for i, header in found.lost.items()]


def _first(faults: Sequence[Fault]) -> str:
    if not faults:
        return ""
    first = next((fault for fault in faults if fault.kind != "ignored"), faults[0])
    more = f" and {len(faults) - 1:,} more" if len(faults) > 1 else ""
    return f": {' '.join(first.name.split())} ({first.reason}){more}"  # a name may hold a line break


def _scaled(found: Decoded) -> list[str]:
    """A word on a scale that is neither that of bytes nor that of fractions."""
    if found.span is None or found.span in ((0, 255), (0, 1)):
        return []
    return [f"values {found.span[0]:g} to {found.span[1]:g} scaled to 0 to 255"]


def _resized(found: Decoded, settings: Settings) -> list[str]:
    height, width = found.pixels.shape[1:3]
    if (found.origins.widths == width).all() and (found.origins.heights == height).all():
        return []
    return [f"resized to {width}x{height}{_HOW[settings.resize]}"]
