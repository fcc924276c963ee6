"""A set that only convolution solves: fifty trained numbers beat a forest of thousands."""

import tempfile
from pathlib import Path

import secondlook as sl

with tempfile.TemporaryDirectory() as folder:
    run = sl.compare(
        sl.make_slash(seed=1),
        models=["logistic", "forest", "cnn-tiny"],
        test=250,
        valid=150,
        out=Path(folder) / "slash",
    )
    print(run.frame()[["model", "trained", "test_accuracy", "test_low", "test_high"]].to_string(index=False))
    assert run["cnn-tiny"].test_accuracy == 1.0
    assert run["forest"].test_accuracy < 0.65
