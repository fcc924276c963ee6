"""How long the command takes before it does anything: fresh processes, median and range of 15.

Asked: --help under 150 ms, import of the package under 150 ms. See RESULTS.md for dated figures.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
CASES = {
    "python alone": [sys.executable, "-c", "pass"],
    "import secondlook": [sys.executable, "-c", "import secondlook"],
    "secondlook --help": [str(BIN / "secondlook"), "--help"],
    "secondlook compare --help": [str(BIN / "secondlook"), "compare", "--help"],
}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(15):  # interleaved, so that a noisy moment touches all alike
        for name, command in CASES.items():
            times[name].append(seconds(command))
    for name, found in times.items():
        low, middle, high = (1e3 * f(found) for f in (min, statistics.median, max))
        print(f"{name:28} {middle:6.0f} ms   ({low:.0f} to {high:.0f})")
