"""Which model is really better here? Fits a ladder of models on one split and puts them in one honest table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.measure.scores import Metric
from secondlook.models import class_weight as class_weights
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.models.ladder import choose
from secondlook.types import Run
from secondlook.verbs.audit import muted
from secondlook.verbs.comparing import Request, compared
from secondlook.verbs.options import TEST, VALID, Options, seconds
from secondlook.verbs.recipes import as_text, recipe_of

if TYPE_CHECKING:
    from secondlook.data.read.settings import Resize
    from secondlook.models.net_classifier import Factory


def compare(
    data: Any = "digits",
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    valid: float | int = VALID,
    test: float | int = TEST,
    cv: str | int | None = None,
    group: str = "",
    metric: Metric = "balanced_accuracy",
    tune: bool = False,
    epochs: int | None = None,
    recipe: str | Mapping[str, Any] = "",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    class_weight: str | Mapping[str, float] = "",
    augment: str = "",
    objective: str = "",
    cost: str | Path = "",
    seeds: int = 1,
    labels: str | Path = "",
    budget: str | float | None = None,
    limit: str | float | None = None,
    size: int | None = None,
    resize: Resize = "stretch",
    strict: bool = False,
    cache: bool = True,
    seed: int = 0,
    mute: str | Iterable[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run:
    """Compares models on a set of labelled images.

    The images are audited first, see `secondlook.audit`; the run keeps what was found. Every model is fitted on the
    training part in a process of its own, cheapest first. The one with the best score on the validation part is chosen;
    then the test part is opened, once, and every number in the table is computed from the stored predictions.

    Args:
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y): images (n, h, w, c),
            (n, h, w) or flat (n, d), and labels (n,).
        models: names of the ladder, "all", or None for the default ones.
        nets: own nets by name: a net's text, or a function (image (h, w, c), outputs) → torch.nn.Module.
        valid, test: share of the items (0.15) or their number (250); where the source has its own parts, those count.
        cv: folds in place of a test part, for small sets: 5, or "5x3" for 5 folds 3 times over (2 times by default).
            Every item is tested once per repeat; scores are means over folds, with Nadeau and Bengio's interval. A
            source with a test part of its own is refused.
        group: what belongs together and must stay in one part: a manifest's column, or a regular expression on names.
        metric: what chooses on validation: balanced_accuracy, accuracy, macro_f1 or log_loss.
        tune: search each model's settings on folds of the training part before it is fitted.
        epochs: the most that nets are trained.
        recipe: how nets are trained, "batch=64,schedule=constant" or a mapping: batch, learning_rate, optimizer,
            weight_decay, schedule, patience, keep, as `secondlook.NetClassifier` takes them.
        engine: who trains nets: "torch", "native" (code compiled from the net's text), or "auto", the fastest here.
        precision: of the products of their training steps: "fp32", "bf16", or "auto", see docs/engines.md.
        class_weight: how much each image of a class counts in training: "balanced" (by 1 / the class's share),
            "hotdog=7,other=1" or {"hotdog": 7}; 1 where a class is not named.
        augment: what nets vary their training images by: "auto" or "shift=2,rotate=10,flip".
        objective: thresholds of the answers, chosen on validation: "recall:hotdog>=0.9", or a metric's name.
        cost: a CSV of what each answer costs for each true class, in place of an objective.
        seeds: how often every model is fitted, each time by other random streams.
        labels: a file of decisions on labels, as `secondlook.suspects` writes it.
        budget: time for the whole command: seconds, or "90s", "10m", "1h". limit: the same for one model, its
            predictions included.
        size: resize images to size x size; by default a uniform native size is kept (of photos, up to 256), else 64.
        resize, strict, cache: how the images are read, see `secondlook.read`; `strict` also refuses classes that are
            too small to be in every part, which are left out otherwise.
        seed: gives every random stream.
        mute: codes of findings that are not asked for: "D103", "D103,D201" or ["D103", "D201"].
        out: the run directory; by default runs/NAME-N. An incomplete run of the same configuration is gone on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Run`, as `load_run` reopens it.

    Raises:
        UsageError, DataError, RunError: nothing was fitted. InterruptedRunError: Ctrl-C; finished rows are kept.
    """
    codes = muted(mute)
    options = Options(
        valid, test, metric, tune, epochs, seconds(budget), seconds(limit), size, seed, cv, group, resize, strict,
        cache, ",".join(codes), class_weights.as_text(class_weight), augment, objective, str(cost), seeds, str(labels),
        engine, precision, as_text(recipe_of(recipe)),
    )  # fmt: skip
    request = Request(data, models, nets or {}, options, codes, out, quiet)
    return compared(request, lambda: choose(models, nets or {}))
