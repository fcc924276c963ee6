"""How a run was made, in the lines that the report prints: enough to do it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from secondlook.show import format as fmt
from secondlook.show.facts import trained_by
from secondlook.show.words import metric_name
from secondlook.types import PARTS, Part, Run

# What the parts that a run keeps are, with folds.
_FOLD_PARTS: dict[Part, str] = {"test": "tested", "train": "in the first fold train", "valid": "valid"}


def _per_class(counts: Sequence[int]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{sum(counts):,} ({each} per class)"


def _split(run: Run) -> str:
    split = run.config["split"]
    names = {p: str(p) for p in PARTS} if run.cv is None else _FOLD_PARTS
    parts = ", ".join(f"{name} {_per_class(run.class_counts[p])}" for p, name in names.items() if p in run.class_counts)
    return f"{split['method']}; {parts}"


def _hardware(hardware: Mapping[str, object]) -> str:
    cores, memory = hardware.get("cores"), hardware.get("memory_gb")
    found = [
        str(hardware.get("cpu", "")),
        "" if cores is None else f"{cores} core{'' if cores == 1 else 's'}",
        "" if memory is None else f"{memory:g} GB of memory" if isinstance(memory, int | float) else str(memory),
        "" if hardware.get("device") in (None, "cpu") else f"nets on {hardware['device']}",
    ]
    return ", ".join(part for part in found if part)


def _more(config: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """What only some runs have: class weights, and a run that they go on from."""
    lines = []
    if weights := config.get("class_weights"):
        shown = [f"{name} {weight:.4g}" for name, weight in weights.items()]
        lines.append(("Class weights", f"{config['class_weight']}: {fmt.listing(shown, most=12)}", False))
    if parent := config.get("parent"):
        said = f"{parent['path']}, {parent['model']} after epoch {parent['epochs']}"
        lines.append(("Goes on from", f"{said} (its manifest: {parent['manifest'][:16]}…)", False))
    return lines


def made(run: Run) -> list[tuple[str, str, bool]]:
    """Lines of (name, value, whether the value is code)."""
    config = run.config
    opened = config["test_opened"]
    times = {0: "not opened", 1: "once"}.get(opened, f"{opened} times")
    lines = [
        ("Again", str(config["command"]), True),
        ("Data", f"{run.data['source']}: {run.data['format']}", False),
        (
            "When",
            f"{datetime.fromisoformat(str(config['created'])):%Y-%m-%d %H:%M %Z}, in {fmt.seconds(config['seconds'])}",
            False,
        ),
        ("Chosen by", f"{metric_name(str(config['metric']))} on validation", False),
        ("Test set opened", times, False),
        *_more(config),
        ("Split", _split(run), False),
        ("Seed", str(config["seed"]), False),
        ("Data fingerprint", str(run.data["fingerprint"]), True),
        ("Split fingerprint", str(config["split"]["fingerprint"]), True),
        ("Hardware", _hardware(config["hardware"]), False),
        ("Versions", ", ".join(f"{name} {version}" for name, version in config["versions"].items()), False),
    ]
    nets = [(f"Net {row.model}", row.net, True) for row in run.rows if row.net]
    tuned = [(f"Settings of {row.model}", row.params, True) for row in run.rows if row.params]
    engines = [("Nets trained by", by, False)] if (by := trained_by(run)) else []
    return lines + engines + nets + tuned
