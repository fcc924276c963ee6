"""D3…: images that are blank, odd among the others, or were changed on the way in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.audit.statistics import Statistics
from secondlook.judge.findings.context import DataContext, always
from secondlook.judge.findings.files import CHECKS as CHECKS_OF_FILES
from secondlook.judge.findings.words import BY_SHARE, by_share, many, noted, percent, verb
from secondlook.judge.registry import Check
from secondlook.types import Finding, FloatArray

# A standard deviation of 2.5 grey levels of 255, and that only a quarter of the set's usual one.
_BLANK, _BLANK_OF_USUAL = 0.01, 0.25
# Robust deviations of the logit of brightness, and grey levels (in [0, 1]) from the median.
_ODD, _ODD_BY = 5.0, 0.1
# Saturation up to which an image is grey but for rounding, and nearly grey; the latter in a set of clear colours only.
_GREY, _NEARLY_GREY, _COLOURFUL = 0.002, 0.05, 0.15
# The mean of a frame up to which it is dark, and how many must be alike.
_DARK, _USUAL_SHARE = 0.1, 0.8


def _is_blank(found: Statistics) -> NDArray[np.bool_]:
    """Which images (n,) are constant, or nearly and unlike the others."""
    usual = np.median(found.contrast)
    flat = (found.contrast < _BLANK) & (found.contrast < _BLANK_OF_USUAL * usual)
    return np.asarray(flat | (found.low == found.high))


def _blank(context: DataContext) -> Finding | None:
    found, n = context.measured.statistics, len(context.images)
    items = np.flatnonzero(_is_blank(found))
    if not len(items):
        return None
    items = items[np.argsort(found.contrast[items], kind="stable")]
    return Finding(
        code="D301",
        title=f"{len(items):,} of {many(n, 'image')} {verb(len(items), 'is', 'are')} blank, of one value or nearly.",
        severity=by_share(len(items), n),
        evidence={
            "n": n,
            "blank": len(items),
            "constant": int((found.low == found.high).sum()),
            "usual_contrast": float(np.median(found.contrast)),
        },
        advice="Remove them, or look for what went wrong when they were taken or written.",
        items=noted(context, items, lambda i: f"all {percent(float(found.mean[i]))} bright"),
    )


def _brightness(context: DataContext) -> Finding | None:
    found, n = context.measured.statistics, len(context.images)
    mean = found.mean.astype(np.float64)
    usual = float(np.median(mean))
    # A logit opens the ends, where brightness is crowded. Half a grey level keeps it finite.
    deviation = _robust(np.log((mean + 0.002) / (1.002 - mean)))
    odd = (np.abs(deviation) > _ODD) & (np.abs(mean - usual) > _ODD_BY)
    items = np.flatnonzero(odd & ~_is_blank(found))
    if not len(items):
        return None
    items = items[np.argsort(-np.abs(deviation[items]), kind="stable")]
    dark = int((mean[items] < usual).sum())
    said = [f"{dark:,} much darker"] * bool(dark) + [f"{len(items) - dark:,} much brighter"] * (dark < len(items))
    return Finding(
        code="D302",
        title=f"{' and '.join(said)} than the other {n - len(items):,} images (usual brightness {percent(usual)}).",
        severity="info",
        evidence={"n": n, "dark": dark, "bright": len(items) - dark, "usual_brightness": usual, "deviations": _ODD},
        advice="Look at them: photos gone wrong, another source, or rare but right.",
        items=noted(context, items, lambda i: f"{percent(float(mean[i]))} bright"),
    )


def _robust(values: NDArray[Any]) -> FloatArray:
    """Deviations from the median in units of the usual one on the same side (the double MAD; 1 for a normal law)."""
    centred = values - np.median(values)
    low, high = (float(np.median(np.abs(side))) * 1.4826 for side in (centred[centred <= 0], centred[centred >= 0]))
    smallest = 1e-3
    return np.asarray(np.where(centred < 0, centred / max(low, smallest), centred / max(high, smallest)))


def _needs_colour(context: DataContext) -> str:
    return "" if context.images.shape[2] == 3 else "all images are grey"


def _grey(context: DataContext) -> Finding | None:
    found, origins, n = context.measured.statistics, context.images.origins, len(context.images)
    grey = found.saturation <= _GREY
    if origins is not None:
        grey |= origins.grey
    if grey.all():
        return Finding(
            code="D305",
            title=f"All {many(n, 'image')} are grey, though stored in three channels.",
            severity="info",
            evidence={"n": n, "grey": n, "nearly_grey": 0, "usual_saturation": 0.0},
            advice="Store them with one channel: the same pictures at a third of the numbers.",
        )
    usual = float(np.median(found.saturation[~grey]))
    nearly = ~grey & (found.saturation < _NEARLY_GREY) & (found.contrast >= _BLANK) & (usual >= _COLOURFUL)
    greys, almost = int(grey.sum()), int(nearly.sum())
    if not greys + almost:
        return None
    # Whatever is rarer is named.
    if 2 * greys <= n:
        items = np.flatnonzero(grey | nearly)
        items = items[np.lexsort((found.saturation[items], ~grey[items]))]
        said = [f"{greys:,} grey"] * bool(greys) + [f"{almost:,} nearly grey"] * bool(almost)
        title = f"{' and '.join(said)} among {many(n, 'image')}, most of them in colour."
    else:
        items = np.flatnonzero(~grey)
        items = items[np.argsort(-found.saturation[items], kind="stable")]
        title = f"{n - greys:,} of {many(n, 'image')} {verb(n - greys, 'has', 'have')} colours, the others are grey."
    return Finding(
        code="D305",
        title=title,
        severity="info",
        evidence={"n": n, "grey": greys, "nearly_grey": almost, "usual_saturation": usual},
        advice="Check that they are not all of one class: a model may take colour, or the lack of it, for its sign.",
        items=noted(
            context, items, lambda i: "grey" if grey[i] else f"saturation {percent(float(found.saturation[i]))}"
        ),
    )


def _inverted(context: DataContext) -> Finding | None:
    found, n = context.measured.statistics, len(context.images)
    dark, bright = found.border_mean < _DARK, found.border_mean > 1 - _DARK
    usual, odd = (dark, bright) if dark.sum() >= bright.sum() else (bright, dark)
    if not odd.any() or usual.sum() < _USUAL_SHARE * n:
        return None
    items = np.flatnonzero(odd)
    ground, other = ("dark", "bright") if usual is dark else ("bright", "dark")
    return Finding(
        code="D307",
        title=f"{many(len(items), 'image')} {verb(len(items), 'has', 'have')} a {other} background where "
        f"{percent(float(usual.mean()))} of {n:,} have a {ground} one.",
        severity=by_share(len(items), n),
        evidence={"n": n, "odd": len(items), "usual": int(usual.sum())},
        advice="Invert them, so that all show their subject alike.",
        items=tuple(context.items(items)),
    )


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D301",
        f"Blank images: all of one value, or a contrast under {percent(_BLANK)} and a quarter of the set's usual one.",
        always,
        _blank,
        BY_SHARE,
    ),
    Check(
        "D302",
        f"Images much darker or brighter than the others: {_ODD:g} robust deviations of the logit of their brightness "
        f"from the median, and {percent(_ODD_BY)} of full scale; blank ones are left to D301.",
        always,
        _brightness,
        "info",
    ),
    Check(
        "D305",
        f"Grey images among coloured ones, and nearly grey ones (saturation under {percent(_NEARLY_GREY)}) where "
        f"the usual one is {percent(_COLOURFUL)} or more; or a few coloured ones among grey.",
        _needs_colour,
        _grey,
        "info",
    ),
    Check(
        "D307",
        f"Inverted images: a frame over {percent(1 - _DARK)} bright where {percent(_USUAL_SHARE)} of the set have one "
        f"under {percent(_DARK)}, or the reverse.",
        always,
        _inverted,
        BY_SHARE,
    ),
    *CHECKS_OF_FILES,
)
