"""A reproduction's page, pictures, Markdown and terminal, from made-up figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pages import Page
from rich.cells import cell_len

from secondlook.judge.claims import figure
from secondlook.measure.estimates import UNKNOWN, alone, exactly, share
from secondlook.show.palette import LIGHT
from secondlook.show.reproduction_page import page_html
from secondlook.show.reproduction_terminal import reproduction_lines, reproduction_text
from secondlook.show.reproduction_words import columns, drawn, ours_text, published_text, tally
from secondlook.types import Claim, Estimate, FigureTable, Reproduced, Reproduction

NASTY = "<b>$x$|\u202egpj"


def table() -> FigureTable:
    return FigureTable(
        "Three models",
        (
            figure("forest", "trained", 9_183, exactly(73_056), "count"),
            figure("forest", "test accuracy", 0.472, share(120, 250), n=250),
            figure(NASTY, "trained", None, exactly(902), "count"),
            figure(NASTY, "test accuracy", 0.5, share(240, 250), n=250),
            figure("net", "test accuracy", 0.8, UNKNOWN, why="not at hand"),
            figure("net / forest", "times", 13, alone(0.61), "times"),
            figure("net", "loss", 0.0247, Estimate(0.0231, 0.0191, 0.0271), "nats"),
        ),
        f"A note of {NASTY}.",
    )


def made(path: Path = Path("runs/reproduce-x-1"), many: int = 1, **more: Any) -> Reproduction:
    claims = (
        Claim("Nets are best.", "holds", "net .9"),
        Claim("Nets are small.", "does not hold", f"{NASTY} 9"),
        Claim("People are better.", "cannot be told", "it takes people's answers"),
        Claim("More is better.", "cannot be told", "too few"),
    )
    fields: dict[str, Any] = {"runs": ("models",), "quick": False, "seconds": 61.0, **more}
    one = Reproduced(
        "slash", "What?", "somebody, 2019", f"images of {NASTY}", ("Other images.",), (table(),), claims, **fields
    )
    config = {"command": "secondlook reproduce slash", "seed": 0, "hardware": {"cpu": "a processor", "cores": 2}}
    return Reproduction(path, config, (one,) * many)


def test_the_page_has_every_figure_and_verdict_and_no_script() -> None:
    html = page_html(made())
    page = Page(html)
    for said in (
        ".472",
        ".48 ± .06",
        "73,056▲",
        ".50",
        ".96 ± .03▲",
        ".80",
        "0.61",
        "holds",
        "does not hold",
        "Other images.",
    ):
        assert said in page.text, said
    assert "<script" not in html
    assert "<b>" not in html
    assert 'href="slash/models/report.html"' in html
    assert 'title="not at hand"' in html


def test_a_picture_has_grey_marks_and_dots_with_intervals() -> None:
    assert drawn(table()) == ("test accuracy",), "counts, and single losses, are not drawn"
    ax = table().plot("test accuracy")
    marks = [line for line in ax.lines if line.get_marker() == "D"]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [mark.get_xdata()[0] for mark in marks] == [0.472, 0.5, 0.8]  # type: ignore[index]
    assert {mark.get_color() for mark in marks} == {LIGHT.quiet}
    assert [dot.get_xdata()[0] for dot in dots] == [0.48, 0.96]  # type: ignore[index]
    assert made().plot().get_title("left") == "test accuracy"
    with pytest.raises(KeyError, match="no measure 'recall' in this table; it has trained, test accuracy, times, loss"):
        table().plot("recall")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_terminal_stays_in_its_width_and_ends_in_the_path(width: int) -> None:
    *lines, path = reproduction_lines(made(), width)
    assert all(cell_len(line.plain) <= width for line in lines)
    assert path.plain.endswith("report.html")
    text = reproduction_text(made(), width)
    for said in (".472", ".48 ± .06", "73,056▲", "cannot be told"):
        assert said in text, said


def test_markdown_tables_have_as_many_cells_in_every_line() -> None:
    text = made(many=2).markdown()
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for lines in tables:
        assert len({line.count(" | ") + line.count("| |") for line in lines}) == 1, lines
    assert "| forest | 9,183 | 73,056▲ | .472 | .48 ± .06 |" in text
    assert "# Two published studies, made again" in text


def test_numbers_have_the_digits_that_were_printed_or_can_be_told() -> None:
    assert [published_text(x, "share") for x in (0.472, 0.8, 1.0, 0.994667)] == [".472", ".80", "1", ".9947"]
    assert [published_text(x, "points") for x in (-1.88, 0.0016)] == ["-1.88", "+0.0016"]
    assert published_text(0.024713, "nats") == ".0247"
    assert [ours_text(x, h, "points") for x, h in ((-1.234, 0.321), (0.00312, 0.00021))] == [
        "-1.2 ± 0.3",
        "+0.0031 ± 0.0002",
    ]
    assert ours_text(0.0731, 0.019, "nats") == "0.073 ± 0.019"
    assert ours_text(1.0, 0.0, "share") == "1.000"


def test_sentences_count_claims_and_figures() -> None:
    assert tally(made().studies[0]) == (
        "Of 4 claims 1 holds, 1 does not hold, 2 cannot be told; 2 of 3 measured figures do not differ from the "
        "published by more than chance."
    )
    shown = [name for name, published in columns(table()).measures if published]
    assert shown == ["trained", "test accuracy", "times", "loss"]


def test_what_is_kept_is_read_again_and_tabulated() -> None:
    found = made()
    again = Reproduced.from_json(found.studies[0].json())
    assert again.json() == found.studies[0].json()
    frame = found.frame()
    assert list(frame["of"]) == [one.of for one in table().figures]
    assert frame["ours"].notna().sum() == 6
    assert list(found.claims()["verdict"]) == ["holds", "does not hold", "cannot be told", "cannot be told"]
    assert found["slash"].title == "What?"
    with pytest.raises(KeyError, match="no study 'digits' here; there are slash"):
        found["digits"]
