"""Which images does a model get wrong, on test and on training, and is it the model or the label?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.types import ALL_MODELS, PARTS, Mistakes, Part, Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from secondlook.types import ImageSet

# Nearest training images are looked for beside so many mistakes on each class of each part.
NEAREST_PER_CLASS = 40
# Of many classes an error names so many.
_LISTED = 12


def mistakes(
    run: str | Path | Run,
    *,
    model: str = "",
    part: str | Sequence[str] = "test",
    class_: str | int | None = None,
    top: int | None = None,
    data: Any = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Mistakes:
    """The images that a model of a finished run answered wrongly, by true class, the largest loss first.

    Everything is judged from the run's stored predictions. The images are read again from where the run found them, to
    be shown and to be compared with the training images; where that cannot be done, `why_no_images` says why.

    Args:
        run: a run directory, or a `Run`.
        model: whose mistakes; by default the chosen model's. "all" for those of all models together, the images first
            that most models miss.
        part: "test", "train", "valid", several of them with commas between, or "all".
        class_: the name of one true class; all by default.
        top: the most that are shown of each class in each part, and beside which the nearest training images are
            looked for. By default as many as the medium holds, and 40 of each class.
        data: where the images are now, if not where the run found them: whatever `secondlook.read` takes.
        out: a file NAME.html or NAME.csv, or a folder for the images and a mistakes.csv; not written without.
        quiet: no progress on stderr.

    Returns:
        The `Mistakes`.

    Raises:
        UsageError: no such model, part or class, a `top` below 1, or an `out` that holds something else. RunError: no
            run, or one that is not finished. DataError: `data` holds other images.
    """
    from secondlook.data.again import read_again
    from secondlook.judge.mistakes import find_mistakes, with_answers, with_nearest
    from secondlook.runs.items import items_of
    from secondlook.runs.load import load_run
    from secondlook.show.mistakes_files import check_out, write_out
    from secondlook.show.narrator import Narrator

    run = run if isinstance(run, Run) else load_run(Path(run).expanduser())
    parts = _parts(part)
    name = _model(model, run.chosen, with_answers(run), run)
    label = None if class_ is None else _class(str(class_), tuple(run.data["classes"]))
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
        raise UsageError(f"expected --top as a whole number of 1 or more, got {top}")
    target = None if out is None else check_out(Path(out).expanduser())
    items = items_of(run)
    found = replace(find_mistakes(run, items, name, parts, label), top=top)
    with contextlib.closing(Narrator(quiet=quiet)) as narrator:
        with narrator.work("reading the images"):
            images, why = read_again(run, items, data)
        found = replace(found, why_no_images=why, _pixels=_pictures(run, images))
        if images is not None and len(found):
            with narrator.work("looking for the nearest training images"):
                found = with_nearest(found, images, items, top or NEAREST_PER_CLASS)
        if target is not None:
            with narrator.work(f"writing {target}"):
                write_out(found, target)
    return found


def _pictures(run: Run, images: ImageSet | None) -> Callable[[int], NDArray[np.uint8] | None]:
    """An item's image by its index: the image itself, or where it cannot be read the run's small copy of it."""
    if images is not None:
        return lambda item: images.pixels[item]
    kept = run.thumbnails()
    places = {int(item): i for i, item in enumerate(kept.items)}
    return lambda item: kept.pixels[places[item]] if item in places else None


def _parts(asked: str | Sequence[str]) -> tuple[Part, ...]:
    words = asked.split(",") if isinstance(asked, str) else list(asked)
    words = [word.strip() for word in words]
    if words == ["all"]:
        return ("test", "train", "valid")
    for word in words:
        if word not in PARTS:
            raise UsageError(
                f"expected --part out of {', '.join(PARTS)}, several with commas between, or all, got '{word}'"
            )
    return tuple(dict.fromkeys(words))  # type: ignore[arg-type]  # checked just now


def _model(asked: str, chosen: str, there: tuple[str, ...], run: Run) -> str:
    if not there:
        raise UsageError(f"expected a run with a model that finished, but in {run.path} none did")
    if not asked:
        return chosen
    if asked in there or asked == ALL_MODELS:
        return asked
    lost = {row.model: row.reason or row.status for row in run.rows}
    if asked in lost:
        raise UsageError(f"expected --model with answers, but {asked} has none in {run.path} ({lost[asked]})")
    meant = _meant(asked, [*there, ALL_MODELS])
    raise UsageError(f"expected --model out of {', '.join(there)}, or {ALL_MODELS}, got '{asked}'{meant}")


def _class(asked: str, classes: tuple[str, ...]) -> int:
    if asked in classes:
        return classes.index(asked)
    shown = ", ".join(classes[:_LISTED]) + (f" and {len(classes) - _LISTED:,} more" if len(classes) > _LISTED else "")
    raise UsageError(f"expected --class out of {shown}, got '{asked}'{_meant(asked, classes)}")


def _meant(asked: str, names: Sequence[str]) -> str:
    """The name that was probably meant, as the end of an error; "" where none is near."""
    low = {name.lower(): name for name in reversed(names)}
    found = get_close_matches(asked.lower(), list(low), n=1, cutoff=0.5)
    return f"; did you mean {low[found[0]]}?" if found else ""
