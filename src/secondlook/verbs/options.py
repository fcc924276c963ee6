"""The options that verbs share: the same names, checks and words everywhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.data.augment import AUTO, checked
from secondlook.errors import UsageError
from secondlook.measure.scores import METRICS, Metric
from secondlook.models.engines.choice import EngineName, Precision, check

if TYPE_CHECKING:
    from secondlook.data.read.settings import Resize

VALID, TEST = 0.15, 0.15
# Dividing a small set a second time steadies the mean; more often costs more than it gains.
REPEATS = 2


@dataclass(frozen=True)
class Options:
    """The options of one comparison, checked.

    `cv` becomes text such as "5x2": folds and repeats; `mute` holds codes with commas between.
    """

    valid: float | int
    test: float | int
    metric: Metric
    tune: bool
    epochs: int | None
    budget: float | None
    limit: float | None
    size: int | None
    seed: int
    cv: str | int | None = None
    group: str = ""
    resize: Resize = "stretch"
    strict: bool = False
    cache: bool = True
    mute: str = ""
    class_weight: str = ""
    augment: str = ""
    objective: str = ""
    cost: str = ""
    seeds: int = 1
    labels: str = ""
    engine: EngineName = "auto"
    precision: Precision = "auto"
    recipe: str = ""

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise UsageError(f"expected --metric to be one of {', '.join(METRICS)}, got '{self.metric}'")
        for name, kind in _KINDS.items():
            value: Any = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kind) or not isfinite(value):
                what = "a whole number" if kind is Integral else "a number"
                raise UsageError(f"expected --{name} to be {what}, got {value!r}")
            if name == "seed" and value < 0:
                raise UsageError(f"expected a --seed of 0 or more, got {value}")
            if name in ("epochs", "budget", "limit", "size", "seeds") and value <= 0:
                raise UsageError(f"expected --{name} above 0, got {value:g}; leave it out for the default")
            # NumPy's own numbers are welcome, but are not JSON.
            object.__setattr__(self, name, int(value) if isinstance(value, Integral) else float(value))
        check(self.engine, self.precision)
        if self.seeds > 1 and self.cv is not None:
            raise UsageError(
                f"expected --seeds without --cv, since every fold has a seed of its own, got --seeds {self.seeds} "
                f"and --cv {self.cv}; leave one of them out"
            )
        if (self.objective or self.cost) and self.cv is not None:
            raise UsageError(
                "expected --objective and --cost without --cv, since thresholds are chosen on one validation part, "
                f"got --cv {self.cv}; leave one of them out"
            )
        object.__setattr__(self, "augment", checked(self.augment))
        if self.augment == AUTO and self.cv is not None:
            raise UsageError(
                "expected --augment auto without --cv, since each fold would have to decide anew, got --augment auto "
                f"and --cv {self.cv}; give words such as shift=2,flip, or leave one of them out"
            )
        if self.cv is not None:
            object.__setattr__(self, "cv", _folds(self.cv))
            if self.test != TEST:
                raise UsageError(
                    f"expected --test without --cv, since in folds every image is tested, got --test {self.test} "
                    f"and --cv {self.cv}; leave one of them out"
                )
            if self.labels:
                raise UsageError(
                    "expected --labels without --cv, since in folds every image judges, and what judges keeps its "
                    f"label, got --labels {self.labels} and --cv {self.cv}; leave one of them out"
                )

    @property
    def folds(self) -> tuple[int, int] | None:
        """Folds and repeats, None for a single split."""
        k, _, repeats = str(self.cv or "").partition("x")
        return (int(k), int(repeats)) if k else None

    def identity(self) -> dict[str, Any]:
        """Those that decide what comes out: not where decoded images are kept, nor what would have been refused."""
        return {name: getattr(self, name) for name in Options.__dataclass_fields__ if name not in ("strict", "cache")}


def _folds(text: str | int) -> str:
    """ "5" and 5 are "5x2", "5x3" stays."""
    found = None if isinstance(text, bool) else re.fullmatch(r"([0-9]{1,4})(?:x([0-9]{1,4}))?", str(text))
    k, repeats = (int(found[1]), int(found[2] or REPEATS)) if found else (0, 0)
    if k < 2 or repeats < 1:
        raise UsageError(
            f"expected --cv as a number of folds such as 5, or of folds and repeats such as 5x3, got {text!r}"
        )
    return f"{k}x{repeats}"


_KINDS: dict[str, Any] = {
    "valid": Real, "test": Real, "budget": Real, "limit": Real, "epochs": Integral, "size": Integral, "seed": Integral,
    "seeds": Integral,
}  # fmt: skip


def seconds(text: str | float | None) -> float | None:
    """Seconds of "90", "90s", "10m", "1.5h" or a number; None stays None."""
    if text is None or isinstance(text, int | float):
        return text
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:].lower())
    try:
        return float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        raise UsageError(f"expected a time such as 90s, 10m or 1.5h, got '{text}'") from None


def stem(source: str) -> str:
    """What a run of this source is called: "photos/" gives "photos"."""
    name = Path(source).resolve().name if source not in ("", "arrays") else source
    stem = name.split(".")[0]
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in stem) or "run"


def command_line(
    data: Any, models: str | Sequence[str] | None, nets: Mapping[str, Any] | None, options: Options, path: Path
) -> str:
    """The command line that makes this run, or goes on with it."""
    words = ["secondlook", "compare", str(data) if isinstance(data, str | Path) else "DATA"]
    if models is not None:
        words += ["--models", models if isinstance(models, str) else ",".join(models)]
    for name, net in (nets or {}).items():
        words += ["--net", f"{name}={net if isinstance(net, str) else 'MODULE'}"]
    plain = Options(VALID, TEST, "balanced_accuracy", False, None, None, None, None, 0)
    for name in Options.__dataclass_fields__:
        value = getattr(options, name)
        if value != getattr(plain, name):
            flag = f"--no-{name}" if value is False else f"--{name.replace('_', '-')}"
            words += [flag] if isinstance(value, bool) else [flag, str(value)]
    return shlex.join([*words, "--out", str(path)])


def check_share(name: str, value: float | int) -> None:
    """Refuses what no part can be, whatever the images: a share outside (0, 1), a number of items below 1."""
    if not (value >= 1 if isinstance(value, int) else 0 < value < 1):
        raise UsageError(f"expected --{name} to be a share between 0 and 1 or a number of items, got {value!r}")


def amount(name: str, text: str) -> float | int:
    """A share ("0.15") or a number of items ("250") from the command line."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise UsageError(f"expected --{name} to be a share such as 0.15 or a number of items, got '{text}'") from None


def own_nets(texts: Sequence[str]) -> dict[str, str]:
    """``NAME=NET`` from the command line to net texts by name."""
    nets: dict[str, str] = {}
    for text in texts:
        name, equals, net = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"expected --net NAME=\"conv 8 3x3, relu, …\", got '{text}'")
        if name in nets:
            raise UsageError(f"expected each --net to have a name of its own, got '{name}' twice")
        nets[name] = net
    return nets
