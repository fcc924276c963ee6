"""How near rendered strokes come to Google's bitmaps, and how fast: the tables of docs/strokes.md, as Markdown.

    python bench/strokes.py [--picture docs/strokes.png]

Needs SECONDLOOK_DATA with Google's Quick, Draw! data (CC BY 4.0): quickdraw/bitmaps_10x4000, strokes_simplified_344x25
and strokes_raw_345. The strokes of a class are those of the first rows of its bitmaps, as cairo shows, which draws them
to the bit (by way of cairocffi; left out where it is not installed).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import secondlook as sl
from secondlook.data.read.drawing import Drawing, Drawings, collect, parse
from secondlook.data.read.render import render
from secondlook.data.read.simplify import simplify

DATA = Path(os.environ["SECONDLOOK_DATA"]) / "quickdraw"
BITMAPS = {file.stem: np.load(file).reshape(-1, 28, 28) for file in sorted((DATA / "bitmaps_10x4000").glob("*.npy"))}
# In this copy of the data the bitmaps called clock are Google's alarm clocks.
WORDS = {"clock": "alarm clock"}
LENET = "conv 6 5x5, leaky, maxpool 2, conv 16 5x5, leaky, maxpool 2, dense 120, leaky, dense 84, leaky"


def drawings(file: Path) -> list[Drawing]:
    return [found for line in file.open("rb") if isinstance(found := parse(line), Drawing)]


def of_class(folder: str) -> dict[str, list[Drawing]]:
    return {name: drawings(DATA / folder / f"{WORDS.get(name, name)}.ndjson") for name in BITMAPS}


STROKES = of_class("strokes_simplified_344x25")
ALL = [drawing for found in STROKES.values() for drawing in found]
GOOGLE = np.concatenate([BITMAPS[name][: len(found)] for name, found in STROKES.items()])


def table(head: str, rows: list[list[Any]]) -> None:
    print(f"\n| {head} |\n|{'---|' * (head.count('|') + 1)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def agreement(ours: np.ndarray, theirs: np.ndarray) -> list[str]:
    """Share of identical bitmaps; mean, 99th percentile and largest difference in grey levels; correlation; ink."""
    difference = np.abs(ours.astype(int) - theirs)
    return [
        f"{(difference.max((1, 2)) == 0).mean():.0%}",
        f"{difference.mean():.2f}",
        f"{np.percentile(difference, 99):.0f}",
        f"{difference.max()}",
        f"{np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]:.5f}",
        f"{ours.mean() / theirs.mean():.4f}",
    ]


def by_pillow(drawing: Drawing, k: int = 16) -> np.ndarray:
    """Lines and discs on a sheet k times as large, then the mean of k x k pixels."""
    image = Image.new("L", (28 * k, 28 * k))
    canvas, scale = ImageDraw.Draw(image), 28 * k / 304
    right, low = (max(max(stroke[axis]) for stroke in drawing.strokes) for axis in (0, 1))
    for x, y in drawing.strokes:
        points = [((a + 152 - right / 2) * scale, (b + 152 - low / 2) * scale) for a, b in zip(x, y, strict=True)]
        canvas.line(points, fill=255, width=round(16 * scale))
        for a, b in points:
            canvas.ellipse((a - 8 * scale, b - 8 * scale, a + 8 * scale, b + 8 * scale), fill=255)
    return np.asarray(image.reduce(k))


def by_cairo(drawing: Drawing) -> np.ndarray:
    """The code that Google published: github.com/googlecreativelab/quickdraw-dataset/issues/19."""
    import cairocffi as cairo

    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 28, 28)
    context = cairo.Context(surface)
    context.set_antialias(cairo.ANTIALIAS_BEST)
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    context.set_line_join(cairo.LINE_JOIN_ROUND)
    context.set_line_width(16)
    context.scale(28 / 304, 28 / 304)
    context.translate(24, 24)
    context.set_source_rgb(1, 1, 1)
    right, low = (max(max(stroke[axis]) for stroke in drawing.strokes) for axis in (0, 1))
    for x, y in drawing.strokes:
        for a, b in zip([x[0], *x], [y[0], *y], strict=True):
            context.line_to(a + 128 - right / 2, b + 128 - low / 2)
        context.stroke()
    return np.frombuffer(surface.get_data(), np.uint8).reshape(28, 28, 4)[..., 0].copy()


def ways() -> None:
    """What was tried, on the drawings that exist as both."""
    every = collect(ALL)
    tried: dict[str, Callable[[], np.ndarray]] = {
        "**Agg, drawn 4 times as large (this package)**": lambda: render(every),
        **{f"Agg, {k} times as large": lambda k=k: render(every, fineness=k) for k in (1, 2, 3, 8)},
        "Agg 4, lines 15 wide instead of 16": lambda: render(every, line=15),
        "Agg 4, lines 17 wide": lambda: render(every, line=17),
        "Agg 4, margin of 12 instead of 16": lambda: render(every, padding=12),
        "Pillow, 16 times as large": lambda: np.stack(list(map(by_pillow, ALL))),
    }
    try:
        import cairocffi  # noqa: F401

        tried["cairo, as Google published it"] = lambda: np.stack(list(map(by_cairo, ALL)))
    except (ImportError, OSError):
        print("cairo is left out: it is not installed", file=sys.stderr)
    head = "renderer | identical | mean difference | 99 % below | largest | correlation | ink"
    table(head, [[name, *agreement(draw(), GOOGLE)] for name, draw in tried.items()])


def classes() -> None:
    rows = []
    for name, found in STROKES.items():
        ours, theirs = render(collect(found)), BITMAPS[name][: len(found)]
        a, b = ours.mean(0), theirs.mean(0)
        means = [f"{np.corrcoef(a.ravel(), b.ravel())[0, 1]:.5f}", f"{np.abs(a - b).mean():.2f}"]
        rows.append([WORDS.get(name, name), len(ours), *agreement(ours, theirs)[1:], *means])
    head = "class | n | mean difference | 99 % below | largest | correlation | ink | of means: correlation | difference"
    table(head, rows)


def simplification() -> None:
    """Raw strokes against Google's simplification of the same drawings."""
    known: dict[str, tuple[str, bytes]] = {}
    for file in (DATA / "strokes_simplified_344x25").glob("*.ndjson"):
        known |= {json.loads(line)["key_id"]: line for line in file.read_bytes().splitlines()}
    raw = {}
    for file in (DATA / "strokes_raw_345").glob("*.ndjson"):
        raw |= {key: line for line in file.read_bytes().splitlines() if (key := json.loads(line)["key_id"]) in known}
    ours = simplify(collect([parse(line) for line in raw.values()]))
    theirs = collect([parse(known[key]) for key in raw])
    same = [np.array_equal(a, b) for a, b in zip(cut(ours), cut(theirs), strict=True)]
    whole = np.logical_and.reduceat(same, np.cumsum(ours.strokes) - ours.strokes)
    rendered, expected = render(ours), render(theirs)
    row = [
        len(raw),
        f"{len(same):,}",
        f"{np.mean(same):.1%}",
        f"{whole.mean():.1%}",
        *agreement(rendered, expected)[:4],
    ]
    table("drawings | strokes | identical strokes | drawings | bitmaps | mean difference | 99 % below | largest", [row])


def cut(batch: Drawings) -> list[np.ndarray]:
    return np.split(np.stack([batch.x, batch.y], 1), np.cumsum(batch.points)[:-1])


def classifier() -> None:
    """A net that has learnt from Google's bitmaps only, asked about both."""
    names = list(BITMAPS)
    learnt, held = (np.concatenate([BITMAPS[name][a:b] for name in names]) for a, b in [(1000, 3000), (3000, 4000)])
    net = sl.NetClassifier(LENET, epochs=6, random_state=0).fit(learnt[..., None], np.repeat(names, 2000))
    raw = of_class("strokes_raw_345")
    of_raw = render(simplify(collect([drawing for found in raw.values() for drawing in found])))
    both, ours = np.repeat(names, [len(found) for found in STROKES.values()]), render(collect(ALL))
    asked = {
        "other bitmaps of Google's": (held, np.repeat(names, 1000)),
        "Google's bitmaps of the drawings that exist as both": (GOOGLE, both),
        "their simplified strokes, rendered": (ours, both),
        "raw strokes of the same classes, rendered": (of_raw, np.repeat(names, [len(found) for found in raw.values()])),
    }
    right = {name: net.predict(x[..., None]) == truth for name, (x, truth) in asked.items()}
    table("asked about | n | right", [[name, f"{len(ok):,}", f"{ok.mean():.1%}"] for name, ok in right.items()])
    a, b = net.predict_proba(GOOGLE[..., None]), net.predict_proba(ours[..., None])
    same = (a.argmax(1) == b.argmax(1)).sum()
    print(f"\nthe same answer to bitmap and rendering: {same} of {len(a)}; probabilities differ by "
          f"{np.abs(a - b).max():.3f} at most, {np.abs(a - b).mean():.5f} on average")  # fmt: skip


def speed() -> None:
    """From files to an ImageSet, the first time and from the cache: medians of 5, with a fresh cache each time.

    Processor seconds stand beside seconds by the clock, which other work on the machine lengthens.
    """
    sl.read(DATA / "strokes_simplified_344x25/cat.ndjson", cache=False)  # imports
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        many = Path(folder) / "many.ndjson"
        files = sorted((DATA / "strokes_simplified_344x25").glob("*.ndjson"))
        lines = [line for file in files for line in file.open("rb")]
        many.write_bytes(b"".join((lines * 12)[:100_000]))
        sources = {
            "simplified, 344 files": (DATA / "strokes_simplified_344x25", 5),
            "raw, 345 files": (DATA / "strokes_raw_345", 5),
            "simplified, one file": (many, 1),  # some of them many times
        }
        for name, (source, times) in sources.items():
            found = [timed(source, Path(folder) / f"{name}{i}") for i in range(times)]
            n, first, busy, again = (statistics.median(values) for values in zip(*found, strict=True))
            rows.append([name, f"{n:,.0f}", f"{first:.2f} s", f"{busy:.2f} s", f"{n / busy:,.0f}", f"{again:.2f} s"])
    table("strokes | drawings | first time | processor | drawings per processor second | from the cache", rows)


def timed(source: Path, cache: Path) -> tuple[int, float, float, float]:
    os.environ["SECONDLOOK_CACHE"] = str(cache)
    started, busy = time.perf_counter(), time.process_time()
    n = len(sl.read(source))
    between, busy = time.perf_counter(), time.process_time() - busy
    sl.read(source)
    return n, between - started, busy, time.perf_counter() - between


def picture(file: Path) -> None:
    """Google's bitmap, ours, and how they differ, for a drawing and for the mean of each class."""
    from matplotlib.figure import Figure

    names = list(BITMAPS)
    first = [(BITMAPS[name][0], render(collect(STROKES[name][:1]))[0]) for name in names]
    means = [(BITMAPS[name][:25].mean(0), render(collect(STROKES[name])).mean(0)) for name in names]
    rows = [("Google", "rendered", "difference × 8"), ("mean of 25", "rendered", "difference × 8")]
    figure = Figure(figsize=(len(names) * 0.72 + 0.9, 6 * 0.72 + 0.3))
    axes = figure.subplots(6, len(names), gridspec_kw={"wspace": 0.04, "hspace": 0.04})
    for block, pairs in enumerate((first, means)):
        for column, (theirs, ours) in enumerate(pairs):
            images = theirs, ours, np.abs(ours.astype(float) - theirs) * 8
            for i, image in enumerate(images):
                ax = axes[3 * block + i, column]
                top = 255 if i == 2 or block == 0 else max(theirs.max(), ours.max())
                ax.imshow(image, cmap="gray_r", vmin=0, vmax=top, interpolation="nearest")
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_color("#cccccc")
                if column == 0:
                    ax.set_ylabel(rows[block][i], rotation=0, ha="right", va="center", fontsize=7)
                if i == 0 and block == 0:
                    ax.set_title(WORDS.get(names[column], names[column]), fontsize=8)
    figure.savefig(file, dpi=100, bbox_inches="tight", pad_inches=0.05)


if __name__ == "__main__":
    for part in (ways, classes, simplification, classifier, speed):
        print(f"\n### {part.__name__}", flush=True)
        part()
    if "--picture" in sys.argv:
        picture(Path(sys.argv[sys.argv.index("--picture") + 1]))
