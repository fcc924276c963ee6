"""What does the data do to the result? Models trained on nested parts of the images, and the law that they follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.types import Kind, Study
from secondlook.verbs.audit import muted
from secondlook.verbs.options import TEST, Options, seconds
from secondlook.verbs.recipes import as_text, recipe_of
from secondlook.verbs.study_making import Asked
from secondlook.verbs.study_values import accuracies, what_varies

if TYPE_CHECKING:
    from secondlook.data.read.settings import Resize
    from secondlook.models.net_classifier import Factory

DEFAULT_MODELS = ("logistic", "lenet")
SEEDS = 3
# What the remedy "augment" does to the images, unless told otherwise: little enough for most labels.
AUGMENT = "shift=1,rotate=5,zoom=0.05"


def study(
    kind: Kind,
    data: Any = "digits",
    values: str | Sequence[float] = (),
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    rows: str | int | Sequence[int] = (),
    classes: str | Sequence[int] = (),
    minority: str = "",
    remedy: str | Sequence[str] = (),
    augment: str = AUGMENT,
    accuracy: str | Sequence[float] = (),
    seeds: int = SEEDS,
    test: float | int = TEST,
    epochs: int | None = None,
    recipe: str | Mapping[str, Any] = "",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    group: str = "",
    size: int | None = None,
    resize: Resize = "stretch",
    strict: bool = False,
    cache: bool = True,
    limit: str | float | None = None,
    workers: int | None = None,
    on: str = "local",
    seed: int = 0,
    mute: str | Iterable[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Study:
    """Studies what data size, imbalance, number of classes or wrong labels do to models.

    The test items are cut first and stay the same for all cells; every cell trains on a part of the others. The parts
    are nested: a smaller one lies in every larger one of the same seed. A cell has no images beside its own: a model
    that needs some to choose its epoch by holds out a tenth of them. Cells train on one thread each, so that the
    numbers are the same however many run at a time.

    Args:
        kind: "size", "imbalance", "classes", "grid" or "noise".
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y).
        values: what is varied: images per class of a "size" study, images of the minority, numbers of classes, per cent
            of wrong labels: "500,1000,2000", "3..10", "500..3000:500", or numbers. Without any, those that suit the
            images.
        models, nets: as `secondlook.compare` takes them; by default "logistic,lenet".
        rows: images per class of the other kinds; of a grid, several. By default as many as every class has.
        classes: of a grid, as `values`.
        minority: of an imbalance study, the class that is to be rare.
        remedy: what to try against it beside nothing: "weights", "oversample", "augment", with commas between.
        augment: what the remedy of that name varies images by.
        accuracy: accuracies for which to say how many images they ask for: "0.95,0.99". By default two that follow from
            the best that was measured.
        seeds: draws of every cell: other images, other initial weights.
        test: share (0.15) or number of items to test on, where the source has no test part of its own.
        epochs: the most that nets are trained.
        recipe: how nets are trained, "batch=64,schedule=constant" or a mapping: batch, learning_rate, optimizer,
            weight_decay, schedule, patience, keep, as `secondlook.NetClassifier` takes them.
        engine, precision: who trains nets; "auto" is native code where a net has it, and PyTorch elsewhere.
        group, size, resize, strict, cache: how the images are read, see `secondlook.read`.
        limit: the most time that one cell may take.
        workers: cells at a time; by default as many as there are cores.
        on: "local"; "ray" starts a Ray cluster on this machine, "ray://host:port" (from outside) and "host:port" (from
            one of its nodes) join one, "auto" the one that Ray finds.
        seed: gives every random stream.
        mute: codes of findings that are not asked for.
        out: the study's directory; by default runs/NAME-study-N. An incomplete study of the same configuration is gone
            on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Study`.

    Raises:
        UsageError, DataError: nothing was trained. InterruptedRunError: Ctrl-C; finished cells are kept.
    """
    if on not in ("local", "ray", "auto") and not re.fullmatch(r"(ray://)?[^:/\s]+:[0-9]+", on):
        raise UsageError(f"expected --on local, ray, auto or ray://HOST:PORT, got '{on}'")
    if workers is not None and workers < 1:
        raise UsageError(f"expected --workers of 1 or more, got {workers}; leave it out for one per core")
    varied = what_varies(kind, values, rows, classes, minority, remedy)
    names = DEFAULT_MODELS if models is None else models
    if limit is not None and on != "local":
        raise UsageError(
            f"expected --limit with --on local, since Ray ends no cell by itself, got --on {on}; leave one out"
        )
    options = Options(
        0.15, test, "accuracy", False, epochs, None, seconds(limit), size, seed, group=group, resize=resize,
        strict=strict, cache=cache, seeds=seeds, engine=engine, precision=precision, augment=augment,
        mute=",".join(muted(mute)), recipe=as_text(recipe_of(recipe)),
    )  # fmt: skip
    wanted = accuracies(accuracy)
    asked = Asked(data, varied, names, nets or {}, options, wanted, workers, on, out, quiet, muted(mute))
    return asked.made()
