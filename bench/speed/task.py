"""What a measuring process is asked and what it answers, and the folder that holds a case's images and weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench.speed.cases import Case, Images, images
from numpy.typing import NDArray

from secondlook.models.engines.choice import Precision
from secondlook.models.net import Net, parse

# Images per step that are tried to find each arm's best, beside the study's; of a large net, whose steps fill the
# machine as they are, and take seconds.
BATCHES, LARGE = (32, 128, 512), 256


@dataclass(frozen=True)
class Task:
    """One arm on one case.

    Attributes:
        folder: holds pixels.npy, labels.npy, weights.npz and logits.npy, see `prepare`; and test_ images.
        arm: a name of `bench.speed.worker.ARMS`.
        images: of one pass, the first of the folder.
        seconds: passes are timed until they took this long together.
        passes: if not 0, so many passes are made, and the test images are asked.
        tuned: with the options that a peer's documentation offers beside the batch.
        mapped: the pixels stay in their file, as a memory map.
    """

    folder: str
    arm: str
    text: str
    image: tuple[int, int, int]
    outputs: int
    batch: int
    images: int
    seconds: float
    precision: Precision = "fp32"
    device: str = "auto"
    threads: int = 2
    learning_rate: float = 1e-3
    seed: int = 0
    passes: int = 0
    tuned: bool = False
    mapped: bool = False

    @property
    def net(self) -> Net:
        return parse(self.text)

    def json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Task:
        found = json.loads(line)
        return cls(**{**found, "image": tuple(found["image"])})

    def loaded(self) -> Images:
        """The images of a pass."""
        pixels = np.load(f"{self.folder}/pixels.npy", mmap_mode="r" if self.mapped else None)
        return Images(pixels[: self.images], np.load(f"{self.folder}/labels.npy")[: self.images])

    def weights(self) -> dict[str, NDArray[Any]]:
        """The initial weights, named as PyTorch names them."""
        with np.load(f"{self.folder}/weights.npz") as file:
            return dict(file)

    def test(self) -> Images:
        """The test images, where there are any."""
        return Images(np.load(f"{self.folder}/test_pixels.npy"), np.load(f"{self.folder}/test_labels.npy"))

    def logits(self) -> NDArray[np.float32]:
        """What the net says of the first images with these weights."""
        found: NDArray[np.float32] = np.load(f"{self.folder}/logits.npy")
        return found


def prepare(case: Case, folder: Path, *, seconds: float, threads: int, device: str) -> Task:
    """Writes a case's images, weights and the logits of its first batch by PyTorch; the task, its arm still open."""
    folder.mkdir(parents=True)
    found = images(case)[0].first(max(case.pass_images, max(BATCHES)))
    np.save(folder / "pixels.npy", found.pixels)
    np.save(folder / "labels.npy", found.labels)
    task = Task(
        str(folder), "", case.text, case.image, case.outputs, case.batch, case.pass_images, seconds,
        case.precision, device, threads,
    )  # fmt: skip
    initialise(task, found.pixels[: case.batch])
    return task


def prepare_whole(case: Case, folder: Path, *, threads: int, device: str) -> Task:
    """The same for a training to its end: all of the case's training images, its epochs and learning rate, its test."""
    folder.mkdir(parents=True)
    for prefix, found in zip(("", "test_"), images(case), strict=True):
        np.save(folder / f"{prefix}pixels.npy", found.pixels)
        np.save(folder / f"{prefix}labels.npy", found.labels)
    n = len(np.load(folder / "labels.npy"))
    return Task(
        str(folder), "", case.text, case.image, case.outputs, case.batch, n, 0.0, case.precision, device, threads,
        case.learning_rate, passes=case.epochs,
    )  # fmt: skip


def initialise(task: Task, pixels: NDArray[np.uint8]) -> None:
    """Writes the weights of the task's seed, and what the net says of some images with them."""
    import torch

    from secondlook.models.engines.torch_net import build

    module = build(task.net, task.image, task.outputs, seed=task.seed)
    np.savez(f"{task.folder}/weights.npz", **{name: value.numpy() for name, value in module.state_dict().items()})
    with torch.inference_mode():
        x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
        np.save(f"{task.folder}/logits.npy", module.eval()(x).numpy())


def tried_batches(task: Task) -> list[int]:
    """The batches to try."""
    return sorted({task.batch, *(BATCHES if task.precision == "fp32" else (LARGE,))})


def at_batch(task: Task, batch: int, seconds: float) -> Task:
    """The same with another batch, and shorter; a pass of a large net has whole steps of at most `LARGE` images."""
    images = task.images if task.precision == "fp32" else LARGE // batch * batch
    return replace(task, batch=batch, images=images, seconds=seconds)
