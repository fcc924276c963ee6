"""What is wrong with these images, before any training? Reads, measures, judges, and writes one page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.errors import DataError, UsageError
from secondlook.runs.audits import check_folder, keep
from secondlook.runs.results import majority_share, thumbnails
from secondlook.types import PARTS, Audit, ImageSet, Split, Thumbnails
from secondlook.verbs.options import Options, check_share, stem

if TYPE_CHECKING:
    from secondlook.data.audit import Measured
    from secondlook.data.read.settings import Resize
    from secondlook.show.narrator import Narrator


def audit(
    data: Any,
    *,
    size: int | None = None,
    resize: Resize = "stretch",
    group: str = "",
    strict: bool = False,
    cache: bool = True,
    valid: float | int = 0.15,
    test: float | int = 0.15,
    seed: int = 0,
    mute: str | Iterable[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Audit:
    """Finds out what may mislead in a set of images: copies, leakage, classes, odd images, shortcuts, faults.

    The split is the one that a comparison with the same options would use. A set that cannot be compared (no labels,
    one class, too few images) is audited all the same, and `data["why_no_split"]` says why.

    Args:
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y): images (n, h, w, c),
            (n, h, w) or flat (n, d), and labels (n,) or None.
        size, resize, group, strict, cache: how the images are read, see `secondlook.read`.
        valid, test: share of the items (0.15) or their number (250); where the source has its own parts, those count.
        seed: gives every random stream.
        mute: codes of findings that are not asked for: "D103", "D103,D201" or ["D103", "D201"].
        out: the folder for audit.html and audit.json; by default runs/NAME-audit-N. An audit that is there already is
            replaced.
        quiet: no progress on stderr.

    Returns:
        The `Audit`; `audit.serious` says whether numbers from these images can be trusted.

    Raises:
        UsageError: no such path, code or option. DataError: nothing can be read. RunError: `out` cannot be written to,
            or holds something else.
    """
    from secondlook.data.audit import Measured
    from secondlook.data.read import read
    from secondlook.show.narrator import Narrator

    started = perf_counter()
    options = Options(valid, test, "balanced_accuracy", False, None, None, None, size, seed)
    for part in ("valid", "test"):
        check_share(part, getattr(options, part))
    codes = muted(mute)
    folder = None if out is None else Path(out).expanduser()
    if folder is not None:
        check_folder(folder)
    with contextlib.closing(Narrator(quiet=quiet)) as narrator:
        with narrator.work("reading the images"):
            images = read(data, size=options.size, resize=resize, group=group, strict=strict, cache=cache)
        measured = Measured(images)
        measure(measured, narrator)
        split, why = _split(measured, options, strict)
        found = judged(measured, split, why, codes, narrator)
    found = replace(found, data={**found.data, "seconds": round(perf_counter() - started, 3)})
    return _kept(found, folder)


def muted(mute: str | Iterable[str]) -> tuple[str, ...]:
    """The codes to mute, in capitals, from text with commas between or from several of those.

    Raises:
        UsageError: there is no such code.
    """
    from secondlook.judge.findings import codes as known
    from secondlook.judge.registry import check_mute

    texts = [mute] if isinstance(mute, str) else list(mute)
    codes = [code for text in texts for code in text.split(",")]
    return check_mute(codes, known()) if codes else ()


def measure(measured: Measured, narrator: Narrator) -> None:
    """Makes the measurements that take long, and names them while they do."""
    with narrator.work("looking for copies"):
        _ = measured.copies
    with narrator.work("looking for near duplicates"):
        _ = measured.near
    with narrator.work("measuring every image"):
        _ = measured.statistics


def _split(measured: Measured, options: Options, strict: bool) -> tuple[Split | None, str]:
    """The split that a comparison would use, or None and why there is none."""
    from secondlook.data.plan import plan

    try:
        made = plan(measured, valid=options.valid, test=options.test, seed=options.seed, strict=strict)
    except (DataError, UsageError) as error:
        return None, str(error)
    return made.split, ""


def judged(measured: Measured, split: Split | None, why: str, codes: tuple[str, ...], narrator: Narrator) -> Audit:
    """What is to be said of these images and their split; not written anywhere yet.

    Args:
        measured: the measurements, with the images.
        split: the parts of a comparison, or None where there are none.
        why: the reason, in a sentence; "" with a split.
        codes: what is muted, as `muted` gives it.
        narrator: names what takes long.
    """
    from secondlook.judge.findings import DataContext, judge_data
    from secondlook.show.findings import pictured

    with narrator.work("looking for what gives the classes away"):
        checked = judge_data(DataContext(measured, split, why), mute=codes)
    items = pictured(checked.findings)
    return Audit(
        path=None,
        data=_data(measured.images, split, why),
        findings=checked.findings,
        silent=checked.silent,
        not_applicable=checked.not_applicable,
        muted=checked.muted,
        thumbnails=Thumbnails(items, thumbnails(measured.images.pixels[items])),
    )


def _data(images: ImageSet, split: Split | None, why: str) -> dict[str, Any]:
    counts = _counts(images, split)
    return {
        "source": images.source,
        "format": images.format,
        "n": len(images),
        "classes": list(images.classes),
        "counts": counts,
        "shape": list(images.shape),
        "fingerprint": images.fingerprint,
        "split": "" if split is None else split.method,
        "why_no_split": why,
        "chance": 1 / _compared(counts) if images.classes else None,
        "majority": None if split is None else majority_share(images, split),
        "faults": [{"name": f.name, "kind": f.kind, "reason": f.reason} for f in images.faults],
        "seconds": 0.0,
    }


def _counts(images: ImageSet, split: Split | None) -> dict[str, list[int]]:
    """Items per class in each part: those of the split and what it leaves out, else the source's own, else "all"."""
    k, known = len(images.classes), images.labels >= 0
    if split is not None:
        rows = {str(part): images.labels[split[part]] for part in PARTS}
        out = known.copy()
        for part in PARTS:
            out[split[part]] = False
        rows |= {"left out": images.labels[out]} if out.any() else {}
    elif images.parts is not None:
        rows = {str(part): images.labels[known & (images.parts == part)] for part in PARTS}
    else:
        rows = {"all": images.labels[known]}
    return {part: np.bincount(labels, minlength=k).tolist() for part, labels in rows.items()}


def _compared(counts: dict[str, list[int]]) -> int:
    """How many classes a comparison tells apart: all but those that its split leaves out altogether."""
    by_part = {part: np.array(row) for part, row in counts.items()}
    out = by_part.pop("left out", np.zeros_like(by_part["train"] if "train" in by_part else by_part["all"]))
    return len(out) - int(((out > 0) & (sum(by_part.values()) == 0)).sum())


def _kept(found: Audit, folder: Path | None) -> Audit:
    """The audit, written into a folder."""
    from secondlook.show.audit import audit_html
    from secondlook.show.page import write_page

    text = audit_html(found)  # before anything is made on the disk
    path = keep(
        folder,
        stem(str(found.data["source"])),
        page=lambda part: write_page(part, text),
        document=lambda place: replace(found, path=place).json(),
    )
    return replace(found, path=path)


def cleared() -> str:
    """Empties the cache of what was derived from files; says how much that was."""
    from secondlook.data.read.cache import cache_folder, clear_cache

    entries, size = clear_cache()
    return f"{cache_folder()}: {entries:,} entr{'y' if entries == 1 else 'ies'} deleted, {size:,} bytes"
