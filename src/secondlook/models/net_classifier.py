"""A net as a scikit-learn classifier: from pixels and labels to probabilities, by its text or by your own module."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from math import ceil, inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from secondlook.errors import FitError
from secondlook.models.base import Held, ImageClassifier, InputError, hold_out
from secondlook.models.engines import Engine, Examples, Optimiser, OptimiserName
from secondlook.models.engines.choice import Choice, EngineName, Precision, check
from secondlook.models.enlarging import to_size
from secondlook.models.net import Count, Net, check_size, enlarged, parse
from secondlook.models.pixels import as_images, channel_statistics
from secondlook.models.state import TrainingState, fingerprint, shares, streams_at
from secondlook.models.train import Before, Keep, Recipe, Schedule, auto_batch, auto_epochs, train
from secondlook.types import Epoch, FloatArray, History, IntArray

if TYPE_CHECKING:
    from torch import nn

    from secondlook.models.engines.at_once import Compiled
    from secondlook.models.engines.choosing import Prepared
    from secondlook.models.engines.job import Job, Trainer
    from secondlook.models.engines.torch_augment import Augmenter

# A user's own net: from an image's (h, w, c) and the number of outputs to a module that takes float32 (n, c, h, w).
Factory = Callable[[tuple[int, int, int], int], "nn.Module"]

# The settings that a training keeps when it is gone on with.
_KEPT = ("learning_rate", "optimizer", "weight_decay", "schedule")


class NetClassifier(ImageClassifier):
    """A small neural net under scikit-learn's contract.

    Pixels are standardised by the training images' mean and standard deviation per channel. The weights of the epoch
    with the lowest validation loss are kept; where images have weights, that loss is weighted by them, as the one that
    is optimised.

    Args:
        net: the net's text (see `models.net`), or a function (image (h, w, c), outputs) → torch.nn.Module.
        epochs: passes over the training images at most; None takes 15, and more over small sets (see `auto_epochs`).
        batch: images per step; None takes 32 below 5,000 images, 64 below 20,000, then 128.
        learning_rate, schedule: see `models.train.Recipe`. optimizer, weight_decay: as PyTorch has them.
        patience: epochs without a lower validation loss before stopping; None takes a third of the epochs, 5 at least.
        keep: whose weights are kept: "best", the epoch's with the lowest validation loss, or "last".
        max_seconds: stop there with the best weights so far; None means no limit.
        augment: how the training images are varied at random in every step, "shift=2,rotate=10,flip" (see
            `data.augment`); what is validated or predicted stays as it is.
        device: "auto" (CUDA where there is one), "cpu", "cuda".
        engine: "auto" takes the fastest of those that can train this net here, "torch" PyTorch, "native" code compiled
            from the net's text. precision: of the products of a training step: "fp32", "bf16", or "auto", bf16 for nets
            that were shown to lose nothing by it. See docs/engines.md.
        random_state: one seed gives the same bits on the same machine with the same engine and number of threads, on
            the CPU.

    Attributes after `fit`, beside those of `ImageClassifier`:
        history_: a `History`. state_: what it takes to go on, see `fit`. device_: where it ran.
        engine_: who trained it, "native fp32" or "PyTorch bf16". choice_: the same with its settings, a `Choice`.
        prepare_seconds_: what it took to choose the engine, and to compile it; no part of the history's seconds.
        epochs_: the most epochs it could have taken. image_: the (h, w, c) at which the net sees its images.
        n_stored_ counts batch norm's running statistics and the standardisation beside the trained numbers.
    """

    holds_out = True

    def __init__(
        self,
        net: str | Factory = "conv 16 3x3, relu, maxpool 2, dense 64, relu",
        *,
        epochs: int | None = None,
        batch: int | None = None,
        learning_rate: float = 1e-3,
        optimizer: OptimiserName = "adam",
        weight_decay: float = 0.0,
        schedule: Schedule = "cosine",
        patience: int | None = None,
        keep: Keep = "best",
        max_seconds: float | None = None,
        augment: str = "",
        device: str = "auto",
        engine: EngineName = "auto",
        precision: Precision = "auto",
        random_state: int = 0,
    ) -> None:
        self.net = net
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.patience = patience
        self.keep = keep
        self.max_seconds = max_seconds
        self.augment = augment
        self.device = device
        self.engine = engine
        self.precision = precision
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        valid: tuple[Any, ...] | None = None,
        on_epoch: Callable[[Epoch], None] | None = None,
        goes_on_from: TrainingState | None = None,
    ) -> Self:
        """As `ImageClassifier.fit`; weights multiply the loss, and `on_epoch` is called with each `Epoch`.

        Without `valid`, a stratified tenth of the images is held out to choose the epoch by.

        Args:
            goes_on_from: the `state_` of a net of the same text, trained on the same images: its weights, its
                optimiser's moments and its random streams go on, and `epochs` more are trained at most. With the
                "constant" schedule that is the same as never having stopped; "cosine" begins a new half cosine
                without a rise. Patience counts anew and is off unless given. The best epoch is sought among all
                epochs, or among the new ones alone where the images' weights or the augmentation have changed.

        Raises:
            FitError: the loss is not a number from the first epoch to the last.
        """
        self._on_epoch, self._goes_on_from = on_epoch, goes_on_from
        if goes_on_from is not None:
            self.set_params(**goes_on_from.settings)
        try:
            return super().fit(X, y, sample_weight, valid=valid)
        finally:
            del self._on_epoch, self._goes_on_from

    def _fit(self, X: NDArray[Any], y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        if valid is None:
            keep, held = self._held_out(y)
            valid = Held(X[held], y[held], weights[held])
            X, y, weights = X[keep], y[keep], weights[keep]
        self.mean_, self.scale_ = channel_statistics(X)
        seed = int(self.random_state)
        state = self._goes_on_from
        recipe, streams = self._recipe(len(X), state), streams_at(seed, ("order",), state)
        engine, recipe = self._chosen(X, seed, recipe, state)
        engine.augment = self._augmenter(X, seed)
        share, held_share = shares(weights), shares(valid.weights)
        engine.load("train", Examples(to_size(X, self.image_), y, share))
        engine.load("valid", Examples(to_size(valid.X, self.image_), valid.y.astype(np.int64), held_share))
        objective = {"class weights": fingerprint(share, held_share), "augmentation": self.augment}
        before = self._going_on(engine, state, objective)
        trained = train(
            engine,
            recipe,
            n_train=len(X),
            n_valid=len(valid.X),
            rng=streams["order"],
            on_epoch=self._on_epoch,
            before=before,
        )
        self.history_: History = trained.history
        self.n_iter_ = len(self.history_.epochs)
        if not np.isfinite(self.history_.epochs[self.history_.best - 1].valid_loss):
            raise FitError(f"training diverged (loss not a number); try a learning_rate below {self.learning_rate:g}")
        self.weights_ = dict(engine.weights())
        self.state_ = TrainingState(
            trained.last,
            self.weights_,
            trained.sample,
            self.history_,
            {name: stream.bit_generator.state for name, stream in streams.items()},
            {**{name: getattr(self, name) for name in _KEPT}, "batch": recipe.batch},
            objective,
            asdict(self.choice_),
        )
        self._ready: Engine = engine

    def _held_out(self, y: IntArray) -> tuple[IntArray, IntArray]:
        """Indices to train on and to validate by; all for both where there are too few images to part with any."""
        keep, held = hold_out(y, self.random_state)
        if len(np.unique(y[keep])) == len(self.classes_) and len(held) >= len(self.classes_):
            return keep, held
        return np.arange(len(y)), np.arange(len(y))

    def _going_on(self, engine: Engine, state: TrainingState | None, objective: dict[str, str]) -> Before | None:
        """Moves a fresh engine to where a training ended."""
        if state is None:
            return None
        engine.resume(state.last)
        changed = state.changed(objective)
        last = state.history.epochs[-1].epoch
        self.notes_ += (f"went on from epoch {last}" + (f", with other {' and '.join(changed)}" if changed else ""),)
        return Before(state.history, state.sample, changed, None if changed else state.best)

    def _probabilities(self, X: NDArray[Any]) -> NDArray[Any]:
        if self.__dict__.get("_ready") is None:
            from secondlook.models.engines.choosing import rebuilt

            self._ready = rebuilt(self._job(X.shape[1:], int(self.random_state))[0], self.choice_)
            self._ready.restore(self.weights_)
        return np.asarray(softmax(self._ready.logits(to_size(X, self.image_)), axis=1))

    def save(self, path: Path) -> None:
        """Writes the weights as safetensors, which run no code when read, with what else prediction needs beside."""
        from safetensors.numpy import save_file

        settings = {
            "net": self.net if isinstance(self.net, str) else "",
            "classes": self.classes_.tolist(),
            "image": list(self.image_),
            "mean": self.mean_.tolist(),
            "scale": self.scale_.tolist(),
        }
        save_file({**self.weights_}, path, metadata={"secondlook": json.dumps(settings)})

    def _pixels(self, X: NDArray[Any]) -> Any:
        """Images (n, h, w, c), uint8 or float32."""
        alone = isinstance(self.net, str) and not parse(self.net).convolutional
        return as_images(X, self.image_shape_, neighbours=not alone)

    def _job(self, image: tuple[int, int, int], seed: int) -> tuple[Job, Count]:
        """What is to be trained on images of (h, w, c), enlarged where the net asks for it; and the net's counts."""
        from secondlook.models.engines.choosing import device_for
        from secondlook.models.engines.job import job_of, own_job

        check(self.engine, self.precision)
        same = {**self._settings(seed), "device": device_for(self.device, self.engine)}
        if not isinstance(self.net, str):
            return own_job(self.net, image, len(self.classes_), **same)
        net, outputs = self._fitted_to(image)
        return job_of(net, self.image_, outputs, **same), net.count(self.image_, outputs)

    def _fitted_to(self, image: tuple[int, int, int]) -> tuple[Net, int]:
        """The net of the text, and its outputs; sets the (h, w, c) at which it sees images of `image`."""
        assert isinstance(self.net, str)
        net, outputs = parse(self.net), len(self.classes_)
        self.image_ = enlarged(net, image)
        check_size(net, self.image_, outputs)
        return net, outputs

    def _settings(self, seed: int) -> dict[str, Any]:
        optimiser = Optimiser(self.optimizer, self.weight_decay)
        return {"seed": seed, "mean": self.mean_, "scale": self.scale_, "optimiser": optimiser}

    def _chosen(
        self, X: NDArray[Any], seed: int, recipe: Recipe, before: TrainingState | None
    ) -> tuple[Trainer, Recipe]:
        """A fresh engine to train with, the fastest of those that were asked for; and the recipe with the time left.

        Sets the counts, the image size that the net works on, and what is told of the engine.
        """
        started, image = perf_counter(), X.shape[1:]
        at_once = self._at_once(image, seed, recipe.batch)
        engine: Trainer
        self.choice_: Choice
        if at_once is not None and at_once.engine is not None:
            engine, self.choice_, note = at_once.engine, at_once.choice, ""
        else:
            steps = recipe.epochs * ceil(len(X) / recipe.batch)
            why = "" if at_once is None else at_once.why
            engine, self.choice_, note = self._prepared(image, seed, recipe, steps, before, why)
        self.prepare_seconds_ = perf_counter() - started
        self.engine_ = self.choice_.words
        self.notes_ += (note,) if note else ()
        return engine, replace(recipe, seconds=max(0.0, recipe.seconds - self.prepare_seconds_))

    def _at_once(self, image: tuple[int, int, int], seed: int, batch: int) -> Compiled | None:
        """The native engine, where it is asked for by name; PyTorch is not needed for that."""
        if self.engine != "native" or not isinstance(self.net, str) or self.device not in ("auto", "cpu"):
            return None
        from secondlook.models.engines.at_once import compiled

        check(self.engine, self.precision)
        net, outputs = self._fitted_to(image)
        self._tell_sizes(image, net.count(self.image_, outputs), "cpu")
        return compiled(net, self.image_, outputs, batch=batch, **self._settings(seed))

    def _prepared(
        self, image: tuple[int, int, int], seed: int, recipe: Recipe, steps: int, before: TrainingState | None, why: str
    ) -> Prepared:
        """The engine chosen among all; PyTorch where it is known why native code cannot be had."""
        from secondlook.models.engines.choosing import instead, prepare

        job, count = self._job(image, seed)
        self.image_ = job.image
        self._tell_sizes(image, count, str(job.device))
        if why:
            return instead(job, recipe.batch, why)
        return prepare(
            job, engine=self.engine, precision=self.precision, batch=recipe.batch, steps=steps, seconds=recipe.seconds,
            before=before.choice if before else {},
        )  # fmt: skip

    def _tell_sizes(self, image: tuple[int, int, int], count: Count, device: str) -> None:
        """Sets the counts, the device, and a note where images of (h, w, c) are enlarged."""
        self.device_ = device
        self.n_trained_, self.macs_ = count.trained, count.macs
        self.n_stored_ = count.stored + 2 * image[2]
        small, large = (f"{h}x{w}" for h, w, _ in (image, self.image_))
        self.notes_ = (f"images enlarged from {small} to {large}, the smallest this net takes",) * (small != large)

    def _recipe(self, n: int, before: TrainingState | None) -> Recipe:
        batch = self.batch or auto_batch(n)
        epochs = self.epochs or auto_epochs(n, batch)
        # Who goes on with a training wants to see these epochs.
        patience = self.patience or (max(5, ceil(epochs / 3)) if before is None else epochs)
        seconds = inf if self.max_seconds is None else self.max_seconds
        self.epochs_ = epochs + (0 if before is None else before.history.epochs[-1].epoch)
        warm = Recipe.warm if before is None else 0.0
        return Recipe(epochs, batch, self.learning_rate, self.schedule, patience, seconds, self.keep, warm)

    def _augmenter(self, X: NDArray[Any], seed: int) -> Augmenter | None:
        if not self.augment:
            return None
        from secondlook.models.engines.torch_augment import augmenter

        if not self.image_shape_ and X.shape[1] == 1:
            raise InputError(f"expected images (n, h, w, c) to augment, got rows of {X.shape[2]} numbers; reshape them")
        return augmenter(self.augment, X, self.image_, mean=self.mean_, scale=self.scale_, seed=seed)

    def __getstate__(self) -> dict[str, Any]:
        # The engine holds what need not travel: it is rebuilt from the weights.
        return {name: value for name, value in super().__getstate__().items() if name != "_ready"}
