"""Which models a request means."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

from secondlook.errors import UsageError
from secondlook.models.entry import Size
from secondlook.models.ladder import choose, ladder, needs_torch, own_net, with_epochs

NAMES = [
    "majority", "logistic", "linear-svm", "rbf-svm", "poly-svm", "knn", "knn-tuned", "forest", "boosting", "mlp",
    "mlp-small", "cnn-tiny", "cnn-vanilla", "cnn-small", "cnn-nopool", "lenet", "convnet", "cnn-wide", "resnet-small",
]  # fmt: skip


def names(models: Any, nets: Any = None) -> list[str]:
    return [entry.name for entry in choose(models, nets or {})]


def test_the_ladder_has_every_model_once() -> None:
    assert sorted(ladder()) == sorted(NAMES)
    assert names("all") == list(ladder())


def test_nothing_asked_means_the_default_ones_and_own_nets_join() -> None:
    default = [name for name, entry in ladder().items() if entry.default]
    assert names(None) == names("default") == default
    assert {"majority", "forest", "lenet"} <= set(default)
    assert names(None, {"mine": "relu"}) == [*default, "mine"]
    assert names([], {"mine": "relu"}) == ["mine"]


def test_models_come_in_the_ladder_s_order_and_once() -> None:
    assert names("lenet,knn, knn") == names(["knn", "lenet"]) == ["knn", "lenet"]


@pytest.mark.parametrize(
    ("models", "nets", "message"),
    [
        ("forrest", {}, r"there is no model 'forrest', did you mean 'forest'\?"),
        ("KNN", {}, r"did you mean 'knn'\?"),
        ("qqqqqq", {}, r"there is no model 'qqqqqq'; the models are majority"),
        ("mien", {"mine": "relu"}, r"did you mean 'mine'\?"),
        ("", {}, "expected at least one model, got none"),
        (None, {"knn": "relu"}, "got 'knn', which is already a model; rename it"),
        (None, {"all": "relu"}, "got 'all', which is already a model"),
        (None, {"a b": "relu"}, "letters, digits, - and _, got 'a b'"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(models: Any, nets: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(models, nets)


def test_epochs_bind_nets_and_leave_others() -> None:
    for name in ("lenet", "knn"):
        short = with_epochs(ladder()[name], 3).make(0)
        assert getattr(short, "epochs", "none") == (3 if name == "lenet" else "none")
    assert with_epochs(own_net("m", ""), 2).make(0).epochs == 2
    assert pickle.loads(pickle.dumps(with_epochs(ladder()["lenet"], 3))).make(0).epochs == 3


def test_a_changed_module_is_another_net() -> None:
    def one(image: Any, outputs: int) -> Any:
        return 1

    def other(image: Any, outputs: int) -> Any:
        return 2

    assert own_net("m", one).net == own_net("m", one).net
    assert own_net("m", one).net != own_net("m", other).net


def test_larger_nets_are_expected_to_take_longer() -> None:
    size = Size(30_000, 6_000, 6_000, (28, 28, 1), 10)
    entries = ladder()
    order = ["mlp-small", "cnn-small", "lenet", "convnet"]
    times = [entries[name].seconds(size) for name in order]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("models", "nets", "needed"),
    [
        (None, {}, True),
        ("all", {}, True),
        ("knn, lenet", {}, True),
        (["knn", "forest"], {}, False),
        ("knn", {"mine": "relu"}, True),
        ("qqq", {}, False),
    ],
)
def test_pytorch_is_needed_for_nets_alone(models: Any, nets: Any, needed: bool) -> None:
    assert needs_torch(models, nets) == needed
    if models != "qqq":
        assert any(entry.is_net for entry in choose(models, nets)) == needed


@pytest.mark.slow
def test_saving_classical_models_does_not_import_pytorch() -> None:
    code = "import secondlook.models.classical, secondlook.models.saving, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    code = "import secondlook.models.saving, torch; print(torch.ones(2).sum().item())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2.0"
