"""Which engine trains a net, and with which settings: what is asked for, chosen, remembered and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from secondlook.errors import UsageError

EngineName = Literal["auto", "torch", "native"]
Precision = Literal["auto", "fp32", "bf16"]


_LEAST = (("threads", 1), ("micro", 0), ("sides", 1))


@dataclass(frozen=True)
class Choice:
    """An engine and how it works. Only `precision` changes its numbers by more than rounding; and the engine and
    `micro` where there is dropout, whose draws are another's then.

    Attributes:
        engine: who takes the steps.
        precision: of the products within a training step. Weights, their updates, the loss and every prediction are
            float32 in any case.
        threads: that it uses while it trains.
        micro: images that pass at a time, their gradients added up; 0 for a batch as a whole.
        sides: parts of a batch that pass side by side, a thread each, their gradients added up.
        why: why native code cannot be had, where that is so.
    """

    engine: Literal["native", "torch"] = "torch"
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    micro: int = 0
    sides: int = 1
    why: str = ""

    @property
    def words(self) -> str:
        """The engine and its precision: "native fp32", "PyTorch bf16"."""
        return f"{'PyTorch' if self.engine == 'torch' else 'native'} {self.precision}"

    @property
    def details(self) -> str:
        """The same with its settings: "PyTorch fp32, 2 threads, 16 images at a time"."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        micro = f"{self.micro} images at a time" if self.micro else ""
        sides = f"a batch in {self.sides} parts side by side" if self.sides > 1 else ""
        why = f"no native code: {self.why}" if self.why else ""
        return ", ".join(part for part in (self.words, threads, micro, sides, why) if part)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Choice:
        """The choice of a JSON object.

        Raises:
            ValueError: it is none.
        """
        known: dict[str, Any] = {f.name: document.get(f.name) for f in fields(cls)}
        right = (
            known["engine"] in ("native", "torch")
            and known["precision"] in ("fp32", "bf16")
            and isinstance(known["why"], str)
            and all(type(known[name]) is int and known[name] >= least for name, least in _LEAST)
        )
        if not right:
            raise ValueError(f"expected a choice of an engine, got {known}")
        return cls(**known)


def check(engine: str, precision: str) -> None:
    """Refuses what no engine does.

    Raises:
        UsageError: an unknown name, or bf16 of the native engine.
    """
    for name, value, known in (("engine", engine, EngineName), ("precision", precision, Precision)):
        if value not in get_args(known):
            raise UsageError(f"expected --{name} to be one of {', '.join(get_args(known))}, got '{value}'")
    if engine == "native" and precision == "bf16":
        raise UsageError(
            "expected --engine native without --precision bf16, since the native engine computes in fp32; "
            "leave --precision out, or take --engine torch"
        )
