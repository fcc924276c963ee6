"""What nets of native code start from, against PyTorch: the same bits, names and order; and that it is not imported."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from secondlook.models.engines.native.initial import initial
from secondlook.models.engines.torch_net import build
from secondlook.models.ladder import NETS
from secondlook.models.net import enlarged, parse

OTHERS = (
    "conv 4 2x2 same, relu, conv 5 4x4 same, bn, relu, globalmax, dense 7, dropout 0.3",
    "residual 4, residual 4, residual 6 stride 2, flatten, dense 5, bn, relu",
)


@pytest.mark.parametrize("text", [*(entry.net for entry in NETS), *OTHERS])
@pytest.mark.parametrize("seed", [0, 12_345_678_901])
def test_a_net_starts_from_the_numbers_that_pytorch_draws(text: str, seed: int) -> None:
    net = parse(text)
    image = enlarged(net, (28, 29, 3))
    module, found = build(net, image, 7, seed=seed), initial(net, image, 7, seed=seed)
    expected = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}
    assert list(found.values) == list(expected)
    assert found.parameters == [name for name, _ in module.named_parameters()]
    for name, array in expected.items():
        assert found.values[name].dtype == array.dtype
        np.testing.assert_array_equal(found.values[name], array, err_msg=name)


TRAINED = """
import sys
import numpy as np
from secondlook.models.net_classifier import NetClassifier
X, y = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 3
NetClassifier("conv 3 3x3, relu, dense 8, relu", epochs=2, engine="native").fit(X, y).predict_proba(X)
print("torch" in sys.modules)
"""


def test_native_code_asked_for_by_name_trains_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
