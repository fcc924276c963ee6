"""The chosen model's mistakes on one part as pictures, by true class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from secondlook.show import format as fmt
from secondlook.show.matrices import data_uri
from secondlook.types import Part, Predictions, Thumbnails

_MOST, _MOST_PER_CLASS, _MOST_CLASSES = 80, 8, 24
# Pictures get larger where images do; all of them together stay below this many characters.
_MOST_CHARACTERS = 1_500_000
PIXELATED_UP_TO = 64
_LONGER_SIDE = 112
# The place on the page, the title, and what the images are called, by part.
_PARTS: dict[Part, tuple[str, str, str]] = {
    "test": ("mistakes", "Mistakes of {}", "test images"),
    "train": ("mistakes-train", "Mistakes of {} on its training images", "training images"),
    "valid": ("mistakes-valid", "Mistakes of {} on validation", "validation images"),
}


@dataclass(frozen=True)
class Picture:
    """One mistake: the image and what stands below it."""

    source: str
    width: int
    height: int
    given: str
    says: str
    sure: str
    name: str


@dataclass(frozen=True)
class Shelf:
    """The mistakes on one true class: pictures shown, and how many there are in all."""

    name: str
    total: int
    support: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Gallery:
    """What is shown, out of how much; `anchor` is its place on the page."""

    anchor: str
    title: str
    noun: str
    shelves: tuple[Shelf, ...]
    shown: int
    total: int
    classes_with_mistakes: int
    pixelated: bool

    @property
    def text(self) -> str:
        """How many are shown, and in which order."""
        if self.total == 0:
            return f"None on the {self.noun}."
        if self.shown == 0:
            return f"{self.total:,} {self.noun} are missed; the run keeps no copies of them."
        text = f"{self.shown:,} of {self.total:,} shown"
        if len(self.shelves) < self.classes_with_mistakes:
            text += f", from {len(self.shelves)} of {self.classes_with_mistakes} classes with mistakes"
        return f"{text}, by given class, the surest first. In brackets: the probability of the wrong answer."


def encode(pixels: NDArray[np.uint8]) -> str:
    """An image of shape (h, w, c) as a data URI: PNG, or JPEG for colour photographs where that is smaller."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if pixels.shape[2] == 3 and max(pixels.shape[:2]) > 32:
        jpeg, png = BytesIO(), BytesIO()
        image.save(jpeg, format="JPEG", quality=88)
        image.save(png, format="PNG")
        if len(jpeg.getvalue()) < len(png.getvalue()):
            return data_uri(image, "JPEG", quality=88)
    return data_uri(image, "PNG", optimize=True)


def display_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """CSS pixels: the longer side about 112, a whole multiple of the image's pixels where those are few."""
    h, w = shape[:2]
    longer = max(h, w)
    factor = max(round(_LONGER_SIDE / longer), 1) if longer <= PIXELATED_UP_TO else _LONGER_SIDE / longer
    return max(round(w * factor), 1), max(round(h * factor), 1)


def gallery(predictions: Predictions, thumbnails: Thumbnails, shape: Sequence[int]) -> Gallery:
    """The mistakes of which the run keeps images, the surest first within each true class.

    `shape` is that of the data's own images: where those are tiny, pixels are shown as squares.
    Up to 24 classes, those with the most mistakes, each with up to 12 pictures, 96 in all; then in class order.
    """
    wrong = np.flatnonzero((predictions.predicted != predictions.labels) & (predictions.labels >= 0))
    labels = predictions.labels
    kept = {int(item): i for i, item in enumerate(thumbnails.items)}
    pictured = [int(i) for i in wrong if int(predictions.items[i]) in kept]
    totals = np.bincount(labels[wrong], minlength=len(predictions.classes))
    support = np.bincount(labels[labels >= 0], minlength=len(predictions.classes))
    seen = sorted({int(labels[i]) for i in pictured}, key=lambda c: (-totals[c], c))[:_MOST_CLASSES]
    each = min(max(_MOST // max(len(seen), 1), 2), _MOST_PER_CLASS)
    sure = predictions.probabilities[np.arange(len(labels)), predictions.predicted]
    shelves, room = [], _MOST_CHARACTERS
    for c in seen:
        order = sorted((i for i in pictured if labels[i] == c), key=lambda i: -sure[i])[:each]
        pictures = []
        for i in order:
            picture = _picture(predictions, i, thumbnails.pixels[kept[int(predictions.items[i])]])
            room -= len(picture.source)
            if room > 0:
                pictures.append(picture)
        if pictures:
            shelves.append((c, Shelf(predictions.classes[c], int(totals[c]), int(support[c]), tuple(pictures))))
    found = tuple(shelf for _, shelf in sorted(shelves, key=lambda pair: pair[0]))
    shown = sum(len(shelf.pictures) for shelf in found)
    tiny = max(shape[:2]) <= PIXELATED_UP_TO
    anchor, title, noun = _PARTS[predictions.part]
    title = title.format(predictions.model)
    return Gallery(anchor, title, noun, found, shown, len(wrong), int((totals > 0).sum()), tiny)


def _picture(predictions: Predictions, i: int, pixels: NDArray[np.uint8]) -> Picture:
    width, height = display_size(pixels.shape)
    given, says = (predictions.classes[int(c)] for c in (predictions.labels[i], predictions.predicted[i]))
    sure = fmt.share(float(predictions.probabilities[i, predictions.predicted[i]]), digits=2)
    return Picture(encode(pixels), width, height, given, says, sure, predictions.names[i])
