"""A net by every engine: the same net, the same contract, and it says who trained it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from secondlook.errors import UsageError
from secondlook.models.engines import choosing, torch_passes
from secondlook.models.engines.choice import Choice
from secondlook.models.net_classifier import NetClassifier

SMALL = "conv 4 3x3, relu, maxpool 2, dropout 0.2, dense 16, relu"
WAYS = [("native", "auto", "native fp32"), ("torch", "fp32", "PyTorch fp32"), ("torch", "bf16", "PyTorch bf16")]


@pytest.mark.compiler
@pytest.mark.parametrize(("engine", "precision", "words"), WAYS)
def test_every_engine_learns_varies_its_images_and_says_who_it_was(
    engine: Any, precision: Any, words: str, digits: Any
) -> None:
    (X, y), valid, (T, t) = digits
    same: Any = {"epochs": 12, "learning_rate": 5e-3, "augment": "noise=0.03", "random_state": 1}
    models = [NetClassifier(SMALL, engine=engine, precision=precision, **same) for _ in range(2)]
    first, second = (model.fit(X, y, valid=valid) for model in models)
    assert first.engine_ == words
    assert first.choice_.words == words
    assert first.notes_ == ()
    assert first.prepare_seconds_ > 0
    assert (first.predict(T) == t).mean() > 0.8
    P = first.predict_proba(T)
    assert P.tobytes() == second.predict_proba(T).tobytes(), "one seed, one engine: the same bits"
    assert pickle.loads(pickle.dumps(first)).predict_proba(T).tobytes() == P.tobytes()


@pytest.mark.compiler
def test_training_goes_on_with_any_other_engine(digits: Any) -> None:
    (X, y), valid, _ = digits
    model, last = None, 0.0
    for engine, precision, _ in (*WAYS, WAYS[0]):
        before = None if model is None else model.state_
        model = NetClassifier(SMALL, epochs=2, engine=engine, precision=precision, learning_rate=3e-3)
        model.fit(X, y, valid=valid, goes_on_from=before)
        losses = [epoch.valid_loss for epoch in model.history_.epochs]
        assert len(losses) % 2 == 0
        if before is not None:
            assert min(losses[-2:]) < 1.1 * last, "it did not begin anew"
        last = losses[-1]
    assert len(losses) == 8
    assert last < 1.5


@pytest.mark.compiler
def test_the_weights_of_one_engine_answer_alike_in_another(digits: Any) -> None:
    (X, y), valid, (T, _) = digits
    model = NetClassifier(SMALL, epochs=2, engine="native").fit(X, y, valid=valid)
    P = model.predict_proba(T)
    other = pickle.loads(pickle.dumps(model))
    other.choice_ = Choice("torch")
    np.testing.assert_allclose(other.predict_proba(T), P, atol=1e-5)


@pytest.mark.parametrize("engine", ["auto", "native", "torch"])
def test_with_nothing_on_the_path_everything_works_by_pytorch(
    engine: Any, digits: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(choosing, "WORTH_SECONDS", 0.0)  # a long training, which would be worth a compiler
    torch_passes._compiled.cache_clear()
    (X, y), valid, (T, t) = digits
    text = "conv 16 3x3, relu, maxpool 2, dense 16, relu"
    model = NetClassifier(text, epochs=12, learning_rate=5e-3, engine=engine).fit(X, y, valid=valid)
    torch_passes._compiled.cache_clear()
    assert model.engine_ == "PyTorch fp32"
    assert ("no native code: expected a C++ compiler" in model.choice_.details) == (engine != "torch")
    assert [note.partition(":")[0] for note in model.notes_] == (
        ["trained by PyTorch, not by the native engine"] if engine == "native" else []
    )
    assert (model.predict(T) == t).mean() > 0.8


@pytest.mark.compiler
def test_going_on_keeps_to_the_engine_so_that_it_is_as_if_never_stopped(
    digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (X, y), valid, (T, _) = digits
    same: Any = {"schedule": "constant", "random_state": 1, "patience": 99}
    monkeypatch.setattr(choosing, "by_rule", by_rule_refused)
    long: Any = {**same, "engine": "native"}
    straight = NetClassifier(SMALL, epochs=4, **long).fit(X, y, valid=valid)
    first = NetClassifier(SMALL, epochs=2, **long).fit(X, y, valid=valid)
    second = NetClassifier(SMALL, epochs=2, **same).fit(X, y, valid=valid, goes_on_from=first.state_)
    assert second.choice_ == first.choice_
    assert second.predict_proba(T).tobytes() == straight.predict_proba(T).tobytes()


def by_rule_refused(*arguments: Any) -> Any:
    raise AssertionError("a short training by itself, but it goes on with a long one")


def test_a_users_own_module_is_trained_by_pytorch(digits: Any) -> None:
    def factory(image: tuple[int, int, int], outputs: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(image[0] * image[1] * image[2], outputs))

    (X, y), valid, _ = digits
    model = NetClassifier(factory, epochs=1, engine="native").fit(X, y, valid=valid)
    assert model.engine_ == "PyTorch fp32"
    assert model.notes_ == ("trained by PyTorch, not by the native engine: it is a module of your own",)


def test_the_time_that_compiling_takes_is_no_part_of_the_limit_that_is_left(
    digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (X, y), valid, _ = digits
    seen = {}

    def spy(engine: Any, recipe: Any, **more: Any) -> Any:
        seen["seconds"] = recipe.seconds
        raise KeyboardInterrupt

    monkeypatch.setattr("secondlook.models.net_classifier.train", spy)
    model = NetClassifier(SMALL, epochs=1, max_seconds=50)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, valid=valid)
    assert seen["seconds"] == pytest.approx(50 - model.prepare_seconds_)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "jax"}, "expected --engine to be one of auto, torch, native, got 'jax'"),
        ({"precision": "half"}, "expected --precision to be one of auto, fp32, bf16, got 'half'"),
        ({"engine": "native", "precision": "bf16"}, "since the native engine computes in fp32"),
        ({"engine": "native", "device": "cuda"}, "expected --engine native on the CPU"),
    ],
)
def test_what_no_engine_does_is_refused(settings: dict[str, Any], message: str, digits: Any) -> None:
    (X, y), _, _ = digits
    with pytest.raises(UsageError, match=message):
        NetClassifier(SMALL, epochs=1, **settings).fit(X, y)


@pytest.mark.parametrize("text", ["dense 1000000000", "dense 65536, dense 65536"])
def test_a_net_of_a_billion_units_is_refused_before_anything_is_made(
    text: str, digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **more: Any) -> Any:
        raise AssertionError("something was made")

    monkeypatch.setattr("secondlook.models.engines.choosing.prepare", never)
    monkeypatch.setattr("secondlook.models.net_classifier.to_size", never)
    (X, y), _, _ = digits
    for engine in ("auto", "native", "torch"):
        with pytest.raises(UsageError, match=r"between 1 and 65,536, got|at most 500,000,000 trained numbers, got 4,"):
            NetClassifier(text, engine=engine).fit(X, y)
