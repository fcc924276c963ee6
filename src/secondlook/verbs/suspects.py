"""Which labels may be wrong? Models answer images they have not seen; confident learning weighs what they say."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.data.read.require import require_enough
from secondlook.data.split import folds as cut_folds
from secondlook.data.split import without_tiny_classes
from secondlook.data.words import few
from secondlook.errors import RunError
from secondlook.judge.crossfit import blind
from secondlook.judge.labels import Judged, averaged, judge_labels, weights
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.models.ladder import choose, needs_torch, with_engine, with_epochs
from secondlook.runs.files import number
from secondlook.runs.jobs import ForkServer
from secondlook.runs.results import thumbnails
from secondlook.types import ClassDoubt, Folds, ImageSet, Suspects, Thumbnails
from secondlook.verbs.crossfitting import Answers, Crossfit
from secondlook.verbs.options import Options, seconds
from secondlook.verbs.suspects_files import carried, keep, places

if TYPE_CHECKING:
    from secondlook.data.audit import Measured
    from secondlook.data.read.settings import Resize
    from secondlook.models.net_classifier import Factory
    from secondlook.show.narrator import Narrator

# What answers by default: three families that are wrong in different places. Measured in docs/suspects.md.
MODELS = ("lenet", "knn", "logistic")
# A small set is cut finer: each model then learns from more of it, and that costs little.
FEW_FOLDS, MANY_FOLDS, SMALL = 3, 5, 5_000
# Images of so many suspects are kept for the page.
_PICTURED = 240


def suspects(
    data: Any,
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    epochs: int | None = None,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    limit: str | float | None = None,
    group: str = "",
    size: int | None = None,
    resize: Resize = "stretch",
    strict: bool = False,
    cache: bool = True,
    seed: int = 0,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Suspects:
    """Ranks every item of a set by how much its label is to be trusted, the worst first.

    The labelled images, whatever part the source has them in, are cut into folds (3, or 5 of fewer than 5,000 images):
    stratified, copies, near copies and groups kept together. Each model answers each fold without having learnt from
    it. The models' mean is weighted by how well each answers the given labels; the quality of a label is the
    probability that it gets there. See `secondlook.judge.labels` for what counts as suspected, and for the sources.

    Args:
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y).
        models: names of the ladder; by default lenet, knn and logistic. nets: own nets by name, as in `compare`.
        epochs: the most that nets are trained; by default two fifths of what a comparison would.
        engine, precision: who trains nets, and how, as in `compare`.
        limit: time for one model on one fold: seconds, or "90s", "10m", "1h". A model that needs more is left out.
        group, size, resize, strict, cache: how the images are read, see `secondlook.read`.
        seed: gives every random stream.
        out: the table, NAME.csv, or a folder for suspects.csv; the page lies beside it. By default
            runs/NAME-suspects-N/suspects.csv. Decisions that a table there already holds are carried over.
        quiet: no progress on stderr.

    Returns:
        The `Suspects`.

    Raises:
        UsageError: no such path, model or option. DataError: no labels, one class, too few images. RunError: `out`
            cannot be written to or holds something else, or no model could answer. InterruptedRunError: Ctrl-C.
    """
    from secondlook.data.audit import Measured
    from secondlook.data.read import read
    from secondlook.show.narrator import Narrator

    started = perf_counter()
    options = Options(0.15, 0.15, "balanced_accuracy", False, epochs, None, seconds(limit), size, seed)
    options = replace(options, engine=engine, precision=precision)
    asked, nets = (MODELS if models is None else models), nets or {}
    table = None if out is None else places(Path(out).expanduser())
    with contextlib.ExitStack() as stack:
        narrator = stack.enter_context(contextlib.closing(Narrator(quiet=quiet)))
        server = ForkServer(_libraries(needs_torch(asked, nets)))  # it imports while we read
        stack.callback(server.close)
        entries = [with_epochs(with_engine(e, engine, precision), options.epochs) for e in choose(asked, nets)]
        with narrator.work("reading the images"):
            images = read(data, size=options.size, resize=resize, group=group, strict=strict, cache=cache)
        carried(table, images)  # what could not be kept is refused before the work
        measured = Measured(images)
        whole, folds, left_out = _folds(measured, options.seed, narrator)
        parts = tuple(split.test for split in folds.splits)
        narrator.say(f"{images.source}: {images.format}; {len(folds.items):,} images in {folds.k} folds")
        answers = Crossfit(whole, parts, entries, options, narrator).run(server)
    if not answers.tables:
        why = "; ".join(f"{name}: {reason}" for name, reason in answers.failed.items())
        raise RunError(f"expected an answer from one model at least, got none ({why})")
    found = _judged(measured, whole, folds, answers, left_out)
    about = {**found.data, "seed": options.seed, "seconds": round(perf_counter() - started, 3)}
    return keep(replace(found, data=about), images, table)


def _libraries(nets: bool) -> list[str]:
    """What the fork server imports once for all fits."""
    libraries = ["secondlook.judge.crossfit", "secondlook.models.classical"]
    more = ["secondlook.models.net_classifier", "secondlook.models.engines.choosing", "torch._dynamo"]
    return [*libraries, *more] if nets else libraries


def _folds(measured: Measured, seed: int, narrator: Narrator) -> tuple[ImageSet, Folds, list[str]]:
    """The set as one part without classes too small to be learnt, its folds, and what of it is not judged, in words."""
    images = measured.images
    require_enough(images)
    # Labels are doubted wherever they stand: the source's own parts play no role here.
    whole, tiny = without_tiny_classes(replace(images, parts=None))
    left_out = []
    if unknown := int((images.labels < 0).sum()):
        left_out.append(f"{unknown:,} image{'' if unknown == 1 else 's'} without a label")
    if tiny:
        left_out.append(f"class{'' if len(tiny) == 1 else 'es'} {few(tiny)}, with fewer than 3 images")
    require_enough(whole)
    with narrator.work("looking for near duplicates"):
        near = measured.near.together
    n = int((whole.labels >= 0).sum())
    k = MANY_FOLDS if n < SMALL else FEW_FOLDS
    least = sum(count > 0 for count in whole.counts().values())
    # What a comparison would choose by also trains here: the models that need some hold it out themselves.
    found = cut_folds(whole, k=k, repeats=1, valid=least, seed=seed, together=near)
    method = found.method.partition("; valid cut")[0]
    return whole, replace(found, method=method), left_out


def _judged(measured: Measured, whole: ImageSet, folds: Folds, answers: Answers, left_out: list[str]) -> Suspects:
    """The result, not written anywhere yet. Class codes are those of the set as it was read."""
    images = measured.images
    parts = [split.test for split in folds.splits]
    unseen = blind(whole.labels, parts)
    judged = np.flatnonzero((whole.labels >= 0) & ~unseen)
    tables = [table[judged] for table in answers.tables.values()]
    shares = weights(whole.labels[judged], tables)
    mean = np.zeros((len(images), len(images.classes)), dtype=np.float32)
    codes = np.array([images.classes.index(name) for name in whole.classes])
    mean[np.ix_(judged, codes)] = averaged(tables, shares)
    if n := int(unseen.sum()):
        left_out = [*left_out, f"{n:,} image{'' if n == 1 else 's'} of a class that is in one bundle of copies only"]
    said = judge_labels(images.labels, mean, measured.copies.groups)
    agree = [float((table.argmax(axis=1) == whole.labels[judged]).mean()) for table in tables]
    models = {
        name: {
            "agrees": share,
            "weight": weight,
            "seconds": round(answers.seconds[name], 3),
            "peak_mb": round(answers.peak[name] / 1e6, 1),
        }
        for name, share, weight in zip(answers.tables, agree, shares.tolist(), strict=True)
    }
    about = {"judged": len(judged), "folds": folds.k, "method": folds.method, "models": models}
    about |= {"agrees": number(said.agrees), "kappa": number(said.kappa), "sees": said.sees}
    about |= {"failed": answers.failed, "notes": answers.notes, "left_out": left_out}
    return _ranked(images, said, about)


def _ranked(images: ImageSet, said: Judged, about: Mapping[str, Any]) -> Suspects:
    order = np.argsort(np.where(np.isnan(said.quality), np.inf, said.quality), kind="stable").astype(np.int64)
    suspected = said.doubted | said.contradicted
    reasons = np.array(["", "models", "copies", "models and copies"])[said.doubted + 2 * said.contradicted]
    counts, doubts = images.counts(), np.bincount(images.labels[suspected], minlength=len(images.classes))
    classes = tuple(
        ClassDoubt(name, n, int(said.wrong[c]), int(doubts[c])) for c, (name, n) in enumerate(counts.items())
    )
    pictured = order[suspected[order]][:_PICTURED]
    return Suspects(
        path=None,
        data={
            "source": images.source,
            "format": images.format,
            "n": len(images),
            "classes": list(images.classes),
            "shape": list(images.shape),
            "fingerprint": images.fingerprint,
            **about,
        },
        classes=classes,
        items=order,
        names=[images.names[i] for i in order],
        ids=images.ids[order],
        labels=images.labels[order],
        suggested=said.suggested[order],
        quality=said.quality[order],
        suspected=suspected[order],
        reasons=reasons[order],
        thumbnails=Thumbnails(pictured, thumbnails(images.pixels[pictured])),
    )
