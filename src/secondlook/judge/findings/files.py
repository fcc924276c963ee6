"""D303, D304, D306: what image files were before they became pixels of one size and colour mode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondlook.judge.findings.context import DataContext
from secondlook.judge.findings.words import SERIOUS_SHARE, many, noted, percent, verb
from secondlook.judge.registry import Check
from secondlook.types import Finding, FloatArray, Origins

# How many times longer, larger or smaller than usual an image is odd; and that many usual deviations at least.
_LONGER, _LARGER, _DEVIATIONS = 2.0, 8.0, 5.0
_ENLARGED = 2.0


def _needs_files(context: DataContext) -> str:
    return "" if context.images.origins is not None else "the images are no files"


def _origins(context: DataContext) -> Origins:
    """Those that `_needs_files` has seen to be there."""
    origins = context.images.origins
    assert origins is not None
    return origins


def _odd_sizes(context: DataContext) -> Finding | None:
    origins, n = _origins(context), len(context.images)
    width, height = origins.widths.astype(np.float64), origins.heights.astype(np.float64)
    # An upright and a lying image are of one form.
    form, area = np.log(np.maximum(width, height) / np.minimum(width, height)), np.log(width * height)
    oddness = np.maximum(_oddness(form, np.log(_LONGER)), _oddness(area, np.log(_LARGER)))
    items = np.flatnonzero(oddness >= 1)
    if not len(items):
        return None
    items = items[np.argsort(-oddness[items], kind="stable")]
    usual = f"{np.median(width):.0f}x{np.median(height):.0f}"
    return Finding(
        code="D303",
        title=f"{len(items):,} of {many(n, 'image')} {verb(len(items), 'is', 'are')} of an odd form or size "
        f"(usual {usual} pixels).",
        severity="info",
        evidence={
            "n": n,
            "odd": len(items),
            "usual_width": float(np.median(width)),
            "usual_height": float(np.median(height)),
        },
        advice="Look at them: another source, a screenshot or a thumbnail; and choose --resize pad or crop where "
        "stretching would distort them.",
        items=noted(context, items, lambda i: _size(origins, i)),
    )


def _oddness(values: FloatArray, least: float) -> FloatArray:
    """How far from the median, 1 being where oddness begins: `least` away and five usual deviations (MAD)."""
    distance = np.abs(values - np.median(values))
    usual = float(np.median(distance)) * 1.4826
    return np.asarray(distance / max(least, _DEVIATIONS * usual))


def _size(origins: Origins, i: int) -> str:
    return f"{origins.widths[i]}x{origins.heights[i]} pixels"


def _enlarged(context: DataContext) -> Finding | None:
    origins, n = _origins(context), len(context.images)
    h, w, _ = context.images.shape
    factor = np.minimum(w / origins.widths, h / origins.heights)
    items = np.flatnonzero(factor >= _ENLARGED)
    if not len(items):
        return None
    items = items[np.argsort(-factor[items], kind="stable")]
    return Finding(
        code="D304",
        title=f"{len(items):,} of {many(n, 'image')} {verb(len(items), 'was', 'were')} enlarged {_ENLARGED:g} times or "
        f"more to {w}x{h} pixels, the smallest {factor.max():.1f} times.",
        severity="warning" if len(items) > SERIOUS_SHARE * n else "info",
        evidence={"n": n, "enlarged": len(items), "largest_factor": float(factor.max())},
        advice="They hold less than the other images show: use a smaller --size, or larger originals.",
        items=noted(context, items, lambda i: _size(origins, i)),
    )


def _resolved(context: DataContext) -> Finding | None:
    origins, n = _origins(context), len(context.images)
    rules = {said: found for said, found in _rules(origins).items() if found.any()}
    concerned = np.any([*rules.values()], axis=0) if rules else np.zeros(n, dtype=np.bool_)
    items = np.flatnonzero(concerned)
    if not len(items):
        return None
    # Those to which most was done first.
    done = np.sum([*rules.values()], axis=0)
    items = items[np.argsort(-done[items], kind="stable")]
    counts = {said: int(found.sum()) for said, found in rules.items()}
    return Finding(
        code="D306",
        title=f"{len(items):,} of {many(n, 'image')} {verb(len(items), 'was', 'were')} changed by rule: "
        f"{', '.join(f'{count:,} {said}' for said, count in counts.items())}.",
        severity="info",
        evidence={"n": n, "changed": len(items), "counts": counts},
        advice="Nothing to do if the images look right; software that predicts later must apply the same rules.",
        items=noted(context, items, lambda i: _done(rules, i)),
    )


def _done(rules: dict[str, NDArray[np.bool_]], i: int) -> str:
    return ", ".join(said for said, found in rules.items() if found[i])


def _rules(origins: Origins) -> dict[str, NDArray[np.bool_]]:
    """What is done to which images, (n,) each, in the order in which it is said."""
    modes = origins.modes
    return {
        "turned upright as their EXIF orientation asks": origins.turned,
        "with transparency laid on white": origins.transparent,
        "with a palette": np.isin(modes, ["P", "PA"]),
        "in CMYK": np.asarray(modes == "CMYK"),
        "of 16 bits or more brought to 8": np.strings.startswith(modes, "I") | (modes == "F"),
        "animated, the first frame taken": np.asarray(origins.frames > 1),
    }


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D303",
        f"Images of an odd form or size: {_LONGER:g} times longer, or {_LARGER:g} times larger or smaller in area, "
        f"than usual, and {_DEVIATIONS:g} usual deviations away.",
        _needs_files,
        _odd_sizes,
        "info",
    ),
    Check(
        "D304",
        f"Images whose originals were so small that they were enlarged {_ENLARGED:g} times or more.",
        _needs_files,
        _enlarged,
        f"info; warning where more than {percent(SERIOUS_SHARE)} are concerned",
    ),
    Check(
        "D306",
        "Images that were turned upright, laid on white, or brought from a palette, CMYK, 16 bits or an animation to "
        "plain pixels.",
        _needs_files,
        _resolved,
        "info",
    ),
)
