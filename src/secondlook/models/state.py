"""Where a net's training stands: all that it takes to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.models.engines import Weights
from secondlook.types import FloatArray, History, IntArray

STATE, WEIGHTS = "state.safetensors", "weights.safetensors"

Streams = Mapping[str, np.random.Generator]


@dataclass(frozen=True, eq=False)
class TrainingState:
    """The end of a training, from which another can go on.

    Attributes:
        last: the engine's weights after the last step, the optimiser's moments, where dropout's streams stand.
        best: the weights that were kept.
        sample: int64, the training images whose loss is reported.
        history: how it learnt so far.
        streams: where the random streams stand, by name, as NumPy's bit generators tell it.
        settings: those of `NetClassifier` that moments and rates belong to.
        objective: what was optimised, by name: a fingerprint of the images' weights, the augmentation; "" for none.
        choice: the engine that trained, as `engines.choice.Choice` has it; empty where it is not known.
    """

    last: Weights
    best: Weights
    sample: IntArray
    history: History
    streams: Mapping[str, Any]
    settings: Mapping[str, Any]
    objective: Mapping[str, str]
    choice: Mapping[str, Any] = field(default_factory=dict)

    def changed(self, objective: Mapping[str, str]) -> tuple[str, ...]:
        """What another objective has that this one has not: "class weights", "augmentation"."""
        names = {*self.objective, *objective}
        return tuple(sorted(n for n in names if self.objective.get(n, "") != objective.get(n, "")))

    def save(self, folder: Path) -> None:
        """Writes state.safetensors, which runs no code when read; the kept weights lie beside it already."""
        from safetensors.numpy import save_file

        document = {
            "history": self.history.json(),
            "streams": self.streams,
            "settings": self.settings,
            "objective": self.objective,
            "choice": self.choice,
        }
        save_file({**self.last, "sample": self.sample}, folder / STATE, metadata={"secondlook": json.dumps(document)})

    @classmethod
    def load(cls, folder: Path) -> TrainingState:
        """The state in a model's folder, with the kept weights beside it."""
        from safetensors import safe_open
        from safetensors.numpy import load_file

        with safe_open(folder / STATE, "np") as file:
            document = json.loads(file.metadata()["secondlook"])
        arrays = load_file(folder / STATE)
        return cls(
            best=load_file(folder / WEIGHTS),
            sample=arrays.pop("sample"),
            last=arrays,
            history=History.from_json(document["history"]),
            streams=document["streams"],
            settings=document["settings"],
            objective=document["objective"],
            choice=document.get("choice", {}),
        )


def streams_at(seed: int, names: tuple[str, ...], before: TrainingState | None) -> dict[str, np.random.Generator]:
    """The random streams of a training by name, moved to where those of the training before it stand."""
    found = {name: seeds.stream(seed, name) for name in names}
    for name, stream in found.items():
        if before is not None and name in before.streams:
            stream.bit_generator.state = before.streams[name]
    return found


def shares(weights: FloatArray | None) -> NDArray[np.float32] | None:
    """Weights with mean 1; None where all are the same."""
    if weights is None or (weights == weights[0]).all():
        return None
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def fingerprint(*arrays: NDArray[np.float32] | None) -> str:
    """12 hex digits that change with the weights of the images; "" where there are none."""
    if all(array is None for array in arrays):
        return ""
    digest = hashlib.blake2b(digest_size=6)
    for array in arrays:
        digest.update(b"|" if array is None else array.tobytes() + b"|")
    return digest.hexdigest()
