"""How scores over folds, and scores without leaked test images, are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from secondlook.measure.intervals import wilson
from secondlook.show.glossary import GLOSSARY, glossary
from secondlook.show.made import made
from secondlook.show.report import write_report
from secondlook.show.table import columns, table
from secondlook.show.terminal import table_text
from secondlook.show.words import sentences
from secondlook.types import Row, Run


def text(run: Run) -> str:
    return " ".join(sentence.text for sentence in sentences(run)).replace("\u00a0", " ")


def without(run: Run, n: int, share: float | None) -> Run:
    """The run with `n` leaked test images, all models right for this share of the others."""

    def clean(row: Row) -> Row:
        if row.test_accuracy is None or row.n_test is None:
            return row
        left = row.n_test - n
        if share is None:
            return replace(row, n_clean=left)
        low, high = wilson(round(share * left), left)
        return replace(row, n_clean=left, clean_accuracy=share, clean_low=low, clean_high=high)

    return replace(run, rows=tuple(clean(row) for row in run.rows))


@pytest.fixture(scope="module")
def crossed(make_run) -> Run:
    run = make_run(n_test=600)
    rows = [replace(row, train_low=None, train_high=None) for row in run.rows]
    return replace(run, rows=tuple(rows), config={**run.config, "cv": "5x2"})


def test_a_column_of_clean_scores_stands_beside_the_test_scores_only_where_something_leaks(run):
    assert "clean" not in columns(run)
    assert "clean" not in table_text(run)
    leaky = without(run, 200, 0.91)
    assert columns(leaky)[0] == "clean"
    assert table(leaky).columns[0] == ("clean", GLOSSARY["clean"])
    assert table(leaky).lines[0].cells[0][:2] == ("clean", ".910 ± .009")
    assert table(leaky).lines[0].cells[0][2].endswith("n = 4,000")
    header, line = table_text(leaky).splitlines()[2:4]
    assert header.split()[:4] == ["model", "test", "clean", "balanced"]
    assert ".910 ± .009" in line


@pytest.mark.parametrize(
    ("share", "said", "in_terminal"),
    [
        (0.91, "it falls from 98.0 % to 91.0 ± 0.9 %.", "falls from .980 to .910"),
        (0.99, "it rises from 98.0 % to 99.0 ± 0.4 %.", "rises from .980 to .990"),
        (0.98, "it stays at 98.0 ± 0.5 %.", "stays at .980"),
    ],
)
def test_what_becomes_of_the_best_without_the_leaked_images_is_one_sentence(run, share, said, in_terminal):
    best = replace(run[run.chosen], test_accuracy=0.98)
    leaky = without(replace(run, rows=(best, *run.rows[1:])), 200, share)
    found = text(leaky)
    assert "on the 4,200 test images, 200 of which leak, it is right" in found
    assert "Without the 200 test images that leak (they, nearly the same, or others of their group, are in" in found
    assert said in found
    assert f"clean: without the 200 leaked test images the best {in_terminal}\n" in table_text(leaky)


def test_one_leaked_image_and_nothing_but_leaked_images_are_said_so(run):
    assert "Without the 1 test image that leaks (it, one nearly like it, or one of its group, is in" in text(
        without(run, 1, 0.97)
    )
    every = without(run, 4_200, None)
    assert "Every test image leaks (they, " in text(every)
    assert "clean: every test image is leaked, so nothing is left to judge by" in table_text(every)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(run, crossed, width):
    for shown in (without(run, 200, 0.91), crossed):
        assert max(cell_len(line) for line in table_text(shown, width=width).splitlines()) <= width


def test_scores_over_folds_are_said_to_be_means_with_their_own_interval(crossed, tmp_path):
    terminal = table_text(crossed)
    assert "every score is the mean of 10 folds (5-fold, twice), the interval Nadeau and Bengio's" in terminal
    assert "10 classes; in 5 folds, twice, chance .100" in terminal
    assert "each of the 600 images was tested twice, in 5 folds, by models that had never seen it" in text(crossed)
    page = write_report(crossed, tmp_path / "report.html").read_text()
    assert "Dot and line: accuracy, mean of 10 folds (5-fold, twice), with its 95 % interval by Nadeau and" in page
    assert "These are the nets of the first fold." in page
    assert "The answers are those of the first repeat" in page
    assert "95 % Wilson interval" not in page
    assert next((c[0], c[2]) for c in table(crossed).lines[0].cells if c[0] == "train") == ("train", "n = 4,800")
    split = next(value for name, value, _ in made(crossed) if name == "Split")
    assert "tested 600" in split
    assert "in the first fold train 4,800" in split


def test_terms_mean_what_they_mean_in_the_run(run, crossed):
    assert glossary(run) is GLOSSARY
    assert {*glossary(crossed)} == {*GLOSSARY}
    assert "Mean of 10 folds (5-fold, twice)" in glossary(crossed)["test accuracy"]
    assert "one fold, on average" in glossary(crossed)["fit s"]
