"""Reading folders of photos: our first start, our second, and a plain Pillow loop with two workers, interleaved.

Photos are made: smooth structure of all scales with noise on it, JPEG of quality 90. Each start is a process of its
own. The loop is what one would write by hand: it opens each file once, decodes it whole, applies EXIF,
resizes it to 64x64 and stacks the arrays; with two processes, and with two threads.

Asked: on 500 photos of 2 megapixels our first start is at least as fast as the loop, the second at least 10 times
faster than the first.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROUNDS = 3
SIZE = 64
LOOP = """
import sys, time
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps

def shot(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB").resize((64, 64), Image.Resampling.BOX))

if __name__ == "__main__":
    files = sorted(Path(sys.argv[1]).rglob("*.jpg"))
    if sys.argv[2] == "processes":
        from multiprocessing import Pool
        with Pool(2) as pool:
            pixels = np.stack(pool.map(shot, files, chunksize=8))
    else:
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool:
            pixels = np.stack(list(pool.map(shot, files)))
    print(len(pixels))
"""
OURS = """
import sys, time
import secondlook
started = time.perf_counter()
images = secondlook.read(sys.argv[1], size=64)
print(len(images), time.perf_counter() - started)
"""


def make(folder: Path, n: int, width: int, height: int) -> None:
    """n photos in two classes; every one is another cut of a few large pictures, so that making them is quick."""
    rng = np.random.default_rng(0)
    canvases = []
    for _ in range(4):
        levels = np.zeros((height + 64, width + 64, 3))
        for cell, weight in ((400, 0.5), (100, 0.25), (25, 0.15), (6, 0.1)):
            coarse = rng.integers(0, 256, (max(2, height // cell), max(2, width // cell), 3)).astype(np.uint8)
            levels += weight * np.asarray(Image.fromarray(coarse).resize((width + 64, height + 64), Image.BICUBIC))
        canvases.append(np.clip(levels + rng.normal(0, 4, levels.shape), 0, 255).astype(np.uint8))
    for i in range(n):
        top, left = rng.integers(0, 64, 2)
        file = folder / "ab"[i % 2] / f"{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(canvases[i % 4][top : top + height, left : left + width]).save(file, quality=90)


def seconds(code: str, *arguments: str, cache: Path) -> tuple[float, float, float]:
    """Of the whole process; of the reading alone where it says so; and of all cores together."""
    environment = {**os.environ, "SECONDLOOK_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    script = cache.parent / "script.py"
    script.write_text(code)
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True, env=environment)
    whole = time.perf_counter() - started
    after, said = os.times(), done.stdout.split()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return whole, float(said[1]) if len(said) > 1 else whole, busy


def bench(name: str, folder: Path, scratch: Path) -> None:
    """Prints medians, ranges and ratios for one folder."""
    times: dict[str, list[tuple[float, float, float]]] = {}
    for turn in range(ROUNDS):
        cache = scratch / f"cache {name} {turn}"
        for case, code, options in (
            ("ours, first start", OURS, ()),
            ("Pillow, 2 processes", LOOP, ("processes",)),
            ("Pillow, 2 threads", LOOP, ("threads",)),
            ("ours, second start", OURS, ()),
        ):
            cache.mkdir(exist_ok=True)
            times.setdefault(case, []).append(seconds(code, str(folder), *options, cache=cache))
    print(name)
    for case, found in times.items():
        whole, alone, busy = zip(*found, strict=True)
        print(
            f"  {case:20} {statistics.median(whole):7.2f} s ({min(whole):.2f} to {max(whole):.2f}), "
            f"reading alone {statistics.median(alone):.2f} s, all cores {statistics.median(busy):.2f} s"
        )
    first, *loops, second = ([t[1] for t in times[case]] for case in times)
    for case, loop in zip(list(times)[1:3], loops, strict=True):
        ratios = [theirs / ours for ours, theirs in zip(first, loop, strict=True)]
        print(f"  {case}: {statistics.median(ratios):.1f} times our first start (reading alone; asked: at least 1)")
    ratios = [one / two for one, two in zip(first, second, strict=True)]
    print(f"  our first start: {statistics.median(ratios):.1f} times our second (reading alone; asked: at least 10)")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for name, n, width, height in (
            ("500 photos of 2 megapixels", 500, 1632, 1224),
            ("6,740 photos of 64x64", 6740, 64, 64),
        ):
            make(Path(scratch, name), n, width, height)
            bench(name, Path(scratch, name), Path(scratch))
