"""The whole command on scikit-learn's digits, fresh processes: median and range of 5 rounds, interleaved.

Asked: the classical models alone, report included, under 8 s; the default ladder under 40 s.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "secondlook")
CLASSICAL = "majority,logistic,linear-svm,rbf-svm,poly-svm,knn,knn-tuned,forest,boosting"
CASES = {"nine classical models": ["--models", CLASSICAL], "the default ladder": []}

if __name__ == "__main__":
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for seed in range(5):
        for name, options in CASES.items():
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                command = [COMMAND, "compare", "digits", *options, "--seed", str(seed)]
                subprocess.run(command, cwd=folder, check=True, capture_output=True)
                times[name].append(time.perf_counter() - started)
    for name, found in times.items():
        print(f"{name:24} {statistics.median(found):6.1f} s   ({min(found):.1f} to {max(found):.1f})")
