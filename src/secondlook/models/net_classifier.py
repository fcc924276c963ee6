"""A net as a scikit-learn classifier: from pixels and labels to probabilities, by text or by your own module."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, isqrt, prod
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted

from secondlook import seeds
from secondlook.errors import FitError, UsageError
from secondlook.models.net import Count, check_size, enlarged, parse
from secondlook.models.train import Recipe, Schedule, auto_batch, auto_epochs, train
from secondlook.types import Epoch, FloatArray, History, IntArray

if TYPE_CHECKING:
    from torch import nn

    from secondlook.models.engines.torch_engine import TorchEngine

# A user's own net: from an image's (h, w, c) and the number of outputs to a module that takes float32 (n, c, h, w).
Factory = Callable[[tuple[int, int, int], int], "nn.Module"]
Valid = tuple[ArrayLike, ArrayLike]

DTYPES = [np.uint8, np.float32, np.float64]


class NetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A small neural net under scikit-learn's contract.

    Args:
        net: the net's text (see `models.net`), or a function (image (h, w, c), outputs) → torch.nn.Module.
        epochs: passes over the training items at most; None takes 15, and more for small sets, so that at least
            2,000 steps are taken (120 epochs at most).
        batch: images per step; None takes 32 below 5,000 items, 64 below 20,000, then 128.
        learning_rate, optimizer, weight_decay, schedule: see `models.train.Recipe` and the engine's `Optimiser`.
        patience: epochs without a lower validation loss before stopping; None takes a third of the epochs, at least 5.
        max_seconds: stop there with the best weights so far; None means no limit.
        device: "auto" (CUDA where there is one), "cpu", "cuda".
        random_state: an integer gives the same bits on the same machine, engine and number of threads.

    Attributes:
        classes_: the labels, sorted. history_: a `History`. n_trained_, n_stored_, macs_: numbers learnt, numbers
        kept for prediction (batch norm's statistics and the pixel scaling included), multiply-adds per image.
        image_: the (h, w, c) at which the net sees its images. notes_: sentences on what was done unasked.
    """

    def __init__(
        self,
        net: str | Factory = "conv 16 3x3, relu, maxpool 2, dense 64, relu",
        *,
        epochs: int | None = None,
        batch: int | None = None,
        learning_rate: float = 1e-3,
        optimizer: Literal["adam", "adamw", "sgd"] = "adam",
        weight_decay: float = 0.0,
        schedule: Schedule = "cosine",
        patience: int | None = None,
        max_seconds: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.patience = patience
        self.max_seconds = max_seconds
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: Valid | None = None,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Self:
        """Trains, and keeps the weights of the epoch with the lowest validation loss.

        Args:
            X: pixels (n, h, w, c), (n, h, w) or flat (n, d); uint8 or floats.
            y: labels (n,).
            sample_weight: one weight per image in the loss, (n,); scaled to mean 1.
            valid: (X, y) to choose the epoch by; without it, a stratified 10 % of the images is held out.
            on_epoch: called with each `Epoch`.
        """
        from secondlook.models.engines.torch_engine import Examples

        rows, labels = self._training(X, y)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, rows, ensure_non_negative=True)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("expected at least 2 classes, got 1 class only; a net has nothing to tell apart")
        seed = _seed(self.random_state)
        pixels = _images(rows, self._needs_maps())
        if weights is not None:
            used = weights > 0
            pixels, codes, weights = pixels[used], codes[used], weights[used].astype(np.float32)
            weights = weights / weights.mean()
        if valid is None:
            keep, held = _hold_out(codes, seed)
            checks = pixels[held], codes[held]
            pixels, codes, weights = pixels[keep], codes[keep], None if weights is None else weights[keep]
        else:
            checks = self._valid(valid)
        self._measure_pixels(pixels)
        engine = self._engine(pixels.shape[1:], seed)
        recipe = self._recipe(len(pixels))
        engine.load("train", Examples(self._enlarge(pixels), codes.astype(np.int64), weights))
        engine.load("valid", Examples(self._enlarge(checks[0]), checks[1].astype(np.int64)))
        self.history_: History = train(
            engine,
            recipe,
            n_train=len(pixels),
            n_valid=len(checks[0]),
            rng=seeds.stream(seed, "order"),
            on_epoch=on_epoch,
        )
        self.n_iter_ = len(self.history_.epochs)
        if not np.isfinite(self.history_.epochs[self.history_.best - 1].valid_loss):
            raise FitError(
                f"training diverged: the loss is not a number; try a learning rate below {self.learning_rate:g}"
            )
        self.weights_ = engine.weights()
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Probabilities, float32 (n, k), columns as in `classes_`."""
        check_is_fitted(self)
        rows = check_array(X, dtype=DTYPES, allow_nd=True)
        if rows.shape[1:] != self._input_shape:
            raise ValueError(_wrong_shape(type(self).__name__, rows.shape[1:], self._input_shape))
        pixels = _images(rows, self._needs_maps())
        if not hasattr(self, "_ready"):
            self._ready = self._engine(pixels.shape[1:], 0)
            self._ready.restore(self.weights_)
        # Enlarged block by block: a set of small images may be many times larger at the size the net needs.
        logits = [self._ready.logits(self._enlarge(pixels[at : at + 4096])) for at in range(0, len(pixels), 4096)]
        z = np.concatenate(logits)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return (z / z.sum(axis=1, keepdims=True)).astype(np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each image, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _training(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = check_array(X, dtype=DTYPES, allow_nd=True)
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        check_consistent_length(rows, labels)
        self._input_shape = rows.shape[1:]
        self.n_features_in_ = prod(self._input_shape)
        self.__dict__.pop("_ready", None)
        return rows, labels

    def _valid(self, valid: Valid) -> tuple[NDArray[Any], IntArray]:
        rows, labels = check_array(valid[0], dtype=DTYPES, allow_nd=True), np.asarray(valid[1])
        if rows.shape[1:] != self._input_shape:
            raise ValueError(f"expected validation images of shape {self._input_shape}, got {rows.shape[1:]}")
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"expected validation labels that occur in training, got {unknown[0]!r}")
        return _images(rows, self._needs_maps()), np.searchsorted(self.classes_, labels)

    def _needs_maps(self) -> bool:
        return not isinstance(self.net, str) or parse(self.net).convolutional

    def _measure_pixels(self, pixels: NDArray[Any]) -> None:
        """Mean and standard deviation per channel, from 10,000 images at most: more do not move them."""
        sample = pixels[:: max(1, len(pixels) // 10_000)].astype(np.float32)
        self.mean_: FloatArray = sample.mean(axis=(0, 1, 2), dtype=np.float64)
        scale = sample.std(axis=(0, 1, 2), dtype=np.float64)
        self.scale_: FloatArray = np.where(scale > 0, scale, 1.0)

    def _engine(self, image: tuple[int, int, int], seed: int) -> TorchEngine:
        """A fresh engine for images of (h, w, c); sets the counts and the image size the net works on."""
        import torch

        from secondlook.models.engines.torch_engine import (
            PREDICT_NUMBERS,
            Optimiser,
            TorchEngine,
            build,
            choose_device,
        )

        outputs = len(self.classes_)
        self.notes_: tuple[str, ...] = ()
        if isinstance(self.net, str):
            net = parse(self.net)
            self.image_ = enlarged(net, image)
            check_size(net, self.image_, outputs)
            count = net.count(self.image_, outputs)
            per_image = net.activations(self.image_, outputs)
            module: nn.Module = build(net, self.image_, outputs, seed=seed)
        else:
            self.image_, per_image = image, 100 * prod(image)
            with torch.random.fork_rng():
                torch.manual_seed(seeds.integer(seed, "init"))
                module = self.net(image, outputs)
            count = _count_module(module, image)
        if self.image_ != image:
            small, large = f"{image[0]}x{image[1]}", f"{self.image_[0]}x{self.image_[1]}"
            self.notes_ = (f"images enlarged from {small} to {large}, the smallest this net takes",)
        self.n_trained_, self.macs_ = count.trained, count.macs
        self.n_stored_ = count.stored + 2 * image[2]
        return TorchEngine(
            module,
            mean=self.mean_,
            scale=self.scale_,
            optimiser=Optimiser(self.optimizer, self.weight_decay),
            device=choose_device(self.device),
            predict_batch=int(np.clip(PREDICT_NUMBERS // per_image, 16, 1024)),
        )

    def _recipe(self, n: int) -> Recipe:
        batch = self.batch or auto_batch(n)
        epochs = self.epochs or auto_epochs(n, batch)
        patience = self.patience or max(5, ceil(epochs / 3))
        seconds = inf if self.max_seconds is None else self.max_seconds
        return Recipe(epochs, batch, self.learning_rate, self.schedule, patience, seconds)

    def _enlarge(self, pixels: NDArray[Any]) -> NDArray[Any]:
        h, w, _ = self.image_
        if pixels.shape[1:3] == (h, w):
            return pixels
        import torch

        x = torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(0, 3, 1, 2)
        x = torch.nn.functional.interpolate(x, size=(h, w), mode="bilinear", align_corners=False)
        large = x.permute(0, 2, 3, 1).contiguous().numpy()
        return large.round().astype(np.uint8) if pixels.dtype == np.uint8 else large

    def __getstate__(self) -> dict[str, Any]:
        # The engine holds PyTorch objects that need not travel: it is rebuilt from the weights.
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_ready", None)
        return state


def _count_module(module: nn.Module, image: tuple[int, int, int]) -> Count:
    """Counts a user's own module: trainable parameters, all floating-point state, multiply-adds by PyTorch's counter."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    stored = sum(t.numel() for t in module.state_dict().values() if t.is_floating_point())
    h, w, c = image
    training = module.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, c, h, w))
    module.train(training)
    return Count(trained, stored, counter.get_total_flops() // 2)


def _images(X: NDArray[Any], maps: bool) -> NDArray[Any]:
    """Any accepted X as (n, h, w, c). Flat rows become square images where a net looks at neighbours."""
    if X.ndim == 4:
        return X if X.dtype == np.uint8 else X.astype(np.float32, copy=False)
    if X.ndim == 3:
        return _images(X[..., None], maps)
    if X.ndim != 2:
        raise ValueError(f"expected images (n, h, w, c), (n, h, w) or flat rows (n, d), got shape {X.shape}")
    n, d = X.shape
    if not maps:
        return _images(X.reshape(n, 1, d, 1), maps)
    for c in (1, 3):
        side = isqrt(d // c)
        if side * side * c == d:
            return _images(X.reshape(n, side, side, c), maps)
    raise UsageError(
        f"expected rows that make a square image of 1 or 3 channels, got {d} numbers; pass X as (n, h, w, c)"
    )


def _wrong_shape(name: str, got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """The words that scikit-learn's users know, with the images' shapes beside them."""
    shapes = f" (images of {'x'.join(map(str, want))}, got {'x'.join(map(str, got))})"
    return f"X has {prod(got)} features, but {name} is expecting {prod(want)} features as input{shapes}"


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _hold_out(codes: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """A stratified tenth to choose the epoch by; all items serve as both where a class is too small to be parted."""
    n, counts = len(codes), np.bincount(codes)
    held = max(ceil(n / 10), len(counts))
    if counts.min() < 2 or n < 5 * len(counts):
        return np.arange(n), np.arange(n)
    from sklearn.model_selection import train_test_split

    train_items, valid_items = train_test_split(
        np.arange(n), test_size=held, stratify=codes, random_state=seeds.integer(seed, "hold-out")
    )
    return np.sort(train_items), np.sort(valid_items)
