"""The sentences that open a report, generated from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook.data.words import seen_in_training
from secondlook.show import format as fmt
from secondlook.show.facts import (
    Missed,
    chosen_row,
    finished,
    leaking,
    matrix,
    most_missed,
    tied,
    times,
    unfinished,
)
from secondlook.show.findings import FIRST
from secondlook.show.gaps import NO_DIFFERENCE, better_on_test, gap_words, points, rivals
from secondlook.show.names import visible
from secondlook.types import Row, Run

# So many serious findings have a sentence each.
_SERIOUS = 2
# Accuracy this far above balanced accuracy hides something worth a sentence.
_HIDES = 0.05


@dataclass(frozen=True)
class Sentence:
    """A sentence with one phrase that links to the picture which shows it."""

    before: str
    phrase: str
    after: str
    anchor: str

    @property
    def text(self) -> str:
        """The whole sentence."""
        return self.before + self.phrase + self.after


def metric_name(metric: str) -> str:
    """balanced_accuracy: balanced accuracy; macro_f1: macro F1; log_loss: log-loss."""
    return {"macro_f1": "macro F1", "log_loss": "log-loss"}.get(metric, metric.replace("_", " "))


def _arm(row: Row) -> float:
    return fmt.half_width(row.test_accuracy or 0.0, row.test_low or 0.0, row.test_high or 0.0)


def _percent(row: Row) -> str:
    return fmt.percent(row.test_accuracy or 0.0, _arm(row))


def _choice(run: Run, best: Row) -> Sentence:
    metric = metric_name(str(run.config["metric"]))
    ended = "" if best.status == "ok" else " (stopped before its training was done)"
    if run.cv is not None:
        k, repeats = run.cv
        return Sentence(
            f"{best.model}{ended} was chosen on validation (by {metric}); each of the {fmt.whole(best.n_test)} images "
            f"was tested {times(repeats)}, in {k} folds, by models that had never seen it: on average it is ",
            f"right for {_percent(best)}",
            ".",
            "table",
        )
    known = seen_in_training(str(run.config["split"]["method"]))
    new = f"{known} of which {'is' if known == '1' else 'are'} also in training" if known else "which it had never seen"
    if n := leaking(best):
        new = f"{n:,} of which {'leaks' if n == 1 else 'leak'}"
    return Sentence(
        f"{best.model}{ended} was chosen on validation (by {metric}); on the {fmt.whole(best.n_test)} test images, "
        f"{new}, it is ",
        f"right for {_percent(best)}",
        ".",
        "table",
    )


def _leaks(best: Row) -> Sentence | None:
    """What is left of the score without the test images that leak."""
    n = leaking(best)
    if not n:
        return None
    whose = (
        "it, one nearly like it, or one of its group" if n == 1 else "they, nearly the same, or others of their group"
    )
    where = f"({whose}, {'is' if n == 1 else 'are'} in training or validation)"
    if best.clean_accuracy is None:
        return Sentence("", "Every test image leaks", f" {where}: no score here is one on new images.", "table")
    before, after = best.test_accuracy or 0.0, best.clean_accuracy
    arm = fmt.half_width(after, best.clean_low or 0.0, best.clean_high or 0.0)
    verb = "falls" if after < before else "rises" if after > before else "stays"
    change = f"from {fmt.percent(before, digits_of=arm)} to" if after != before else "at"
    return Sentence(
        f"Without the {n:,} test image{'' if n == 1 else 's'} that leak{'s' if n == 1 else ''} {where} ",
        f"it {verb} {change} {fmt.percent(after, arm)}",
        ".",
        "table",
    )


def _misleads(run: Run) -> list[Sentence]:
    """What is serious about the images and the models, before any number that it makes doubtful."""
    serious = [finding for finding in run.findings if finding.severity == "serious"]
    shown = [
        Sentence("Before you believe a number: ", visible(f.title).removesuffix("."), ".", f.code)
        for f in serious[:_SERIOUS]
    ]
    if rest := serious[_SERIOUS:]:
        more = f"{len(rest)} more serious finding{'' if len(rest) == 1 else 's'}"
        where = "models" if all(f.on_models for f in rest) else "images"
        where = "images and the models" if where == "images" and any(f.on_models for f in rest) else where
        anchor = "findings" if where == "models" else "data"
        shown.append(Sentence("There ", f"{'is' if len(rest) == 1 else 'are'} {more}", f" on the {where}.", anchor))
    doubts = [Sentence("", visible(f.title).removesuffix("."), ".", f.code) for f in run.findings if f.code == FIRST]
    return [*doubts, *shown]


def _told(run: Run, best: Row) -> bool:
    """Whether a finding has said already what the lazy answer gets, and the chosen model is seen to beat it."""
    return any(f.code == FIRST for f in run.findings) and (best.test_low or 0.0) > run.majority


def _lazy(run: Run, best: Row) -> Sentence:
    k = len(run.data["classes"])
    lazy = f"The lazy answer, always the most frequent class, is right for {fmt.percent(run.majority)}"
    guess = f"guessing among the {k} classes for {fmt.percent(run.chance)}"
    accuracy, balanced = best.test_accuracy or 0.0, best.test_balanced_accuracy
    if (best.test_low or 0.0) <= run.majority:
        if best.family == "baseline":
            return Sentence(f"{lazy}, {guess}; ", "no model did better on validation", " than that.", "table")
        return Sentence(
            f"{lazy}, {guess}; ", "this test set does not show", " that the chosen model beats it.", "table"
        )
    if balanced is not None and accuracy - balanced > _HIDES:
        hides = "; accuracy flatters here: averaged over the classes, the chosen model is right for only "
        return Sentence(f"{lazy}, {guess}{hides}", fmt.percent(balanced), " (balanced accuracy).", "confusion")
    if balanced is not None and balanced - accuracy > _HIDES:
        hides = "; the frequent classes are the harder ones here: averaged over the classes it is right for "
        return Sentence(f"{lazy}, {guess}{hides}", fmt.percent(balanced), " (balanced accuracy).", "confusion")
    return Sentence(f"{lazy}, ", guess, ".", "table")


def _size(row: Row) -> str:
    trained = fmt.count(row.trained) if row.trained else "no"
    text = f"{trained} trained number{'' if row.trained == 1 else 's'}"
    return text + (f" ({fmt.count(row.stored)} stored)" if row.stored and row.stored > 2 * (row.trained or 0) else "")


def _rivals(run: Run, best: Row) -> Sentence | None:
    others = [r for r in finished(run) if r.model != best.model]
    if not others:
        return None
    same = [r.model for r in others if r.model in tied(run)]
    if clearly := better_on_test(run):
        one = len(clearly) == 1
        return Sentence(
            "On test, ",
            f"{fmt.listing(clearly)} {'is' if one else 'are'} better than {best.model}",
            ", which validation could not know; taking the better one now would be choosing on the test set.",
            "pairs",
        )
    if same:
        return _alike(run, best, same)
    ahead = min(rivals(run), key=lambda pair: pair.difference, default=None)
    if ahead is None:
        return None
    what = f"than {ahead.b}" if len(others) == 1 else "than every other model"
    after = f", by {points(ahead.difference)}" if len(others) == 1 else ""
    after = after or f"; the next best on test is {ahead.b}, {points(ahead.difference)} behind"
    low, high = (f"{100 * end:.1f}" for end in (ahead.low, ahead.high))
    return Sentence("It is ", f"better {what}", f"{after} (95 % interval {low} to {high}).", "pairs")


def _alike(run: Run, best: Row, same: list[str]) -> Sentence:
    """Models from which the chosen one cannot be told, and the smallest of them all."""
    after = f" between it and {fmt.listing(same, last='or')}: {gap_words(run, same)}"
    sized = [r for r in finished(run) if r.model in (*same, best.model) and r.trained is not None]
    if small := min(sized, key=lambda r: (r.trained or 0, r.stored or 0), default=None):
        itself = " itself" if small.model == best.model else ""
        after += f"; the smallest of them is {small.model}{itself}, with {_size(small)}"
    return Sentence("", NO_DIFFERENCE.capitalize(), f"{after}.", "pairs")


def _missed(missed: Missed | None, k: int) -> Sentence:
    if missed is None:
        return Sentence("On the test images it ", "makes no mistake", " at all.", "confusion")
    share = fmt.round_percent(missed.missed / missed.n)
    said = ""
    if k > 2 and missed.missed == 1:
        said = f", as “{missed.answer}”"
    elif k > 2 and missed.answered > 1:
        said = f"; the wrong answer it gives most is “{missed.answer}”"
    return Sentence(
        f"The class it misses most is “{missed.name}”: ",
        f"{fmt.whole(missed.missed)} of {fmt.whole(missed.n)} ({share})",
        f"{said}.",
        "classes",
    )


def _lost(run: Run) -> Sentence | None:
    words = {"failed": "failed", "timeout": "ran out of time", "skipped": "was skipped"}
    many = {**words, "skipped": "were skipped"}
    parts = []
    for status in words:
        names = [r.model for r in unfinished(run) if r.status == status]
        if names:
            parts.append(f"{fmt.listing(names)} {(many if len(names) > 1 else words)[status]}")
    if not parts:
        return None
    return Sentence("", fmt.listing(parts), ": see the reasons in the table.", "table")


def _nothing(run: Run) -> list[Sentence]:
    k = len(run.data["classes"])
    after = "." if run.config["test_opened"] else " and the test set stayed closed."
    found = [
        Sentence("No model finished, so ", "nothing was chosen", after, "table"),
        Sentence(
            "What a model would have to beat: ",
            "the lazy answer",
            f", always the most frequent class, gets {fmt.percent(run.majority)}, guessing among the {k} classes "
            f"{fmt.percent(run.chance)}.",
            "table",
        ),
    ]
    lost = _lost(run)
    return [*found, lost] if lost else found


def sentences(run: Run) -> list[Sentence]:
    """Three to six sentences: the choice, leaks, the lazy answer, the rivals, the class missed most, what is missing.

    Fewer when only one model was compared and it finished.
    """
    best = chosen_row(run)
    if best is None:
        return [*_misleads(run), *_nothing(run)]
    predictions = run.predictions(best.model)
    missed = most_missed(matrix(predictions), predictions.classes)
    found = [
        *_misleads(run),
        _choice(run, best),
        _leaks(best),
        None if _told(run, best) else _lazy(run, best),
        _rivals(run, best),
        _missed(missed, len(predictions.classes)),
        _lost(run),
    ]
    return [sentence for sentence in found if sentence is not None]
