"""The engine of a comparison's nets: asked for, written into the run, and free where a net goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.cli import main
from secondlook.errors import UsageError
from secondlook.runs.files import read_json
from secondlook.show.facts import trained_by
from secondlook.show.made import made
from secondlook.show.table import table
from secondlook.show.terminal import table_text

TINY = {"tiny": "conv 2 3x3, relu, dropout 0.2, globalavg", "flat": "dense 4"}


def bars(n: int = 90) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 120, (n, 8, 8), dtype=np.uint8), np.arange(n) % 2
    X[y == 1, 3] = 250
    return X, np.array(["none", "row"])[y]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    return sl.compare(
        bars(), models=["knn"], nets=TINY, epochs=2, engine="torch", precision="bf16", quiet=True,
        out=tmp_path_factory.mktemp("runs") / "bars",
    )  # fmt: skip


def test_the_row_the_facts_and_the_configuration_say_who_trained(run: sl.Run) -> None:
    assert {row.model: row.engine for row in run.rows} == {"tiny": "PyTorch bf16", "flat": "PyTorch bf16", "knn": ""}
    assert (run.config["engine"], run.config["precision"]) == ("torch", "bf16")
    assert "--engine torch --precision bf16" in run.config["command"]
    facts = read_json(run.path / "models" / "tiny" / "facts.json")
    assert facts["choice"] == {"engine": "torch", "precision": "bf16", "threads": 1, "micro": 0, "sides": 1, "why": ""}
    assert 0 < facts["prepare_seconds"] < 60
    assert json.loads((run.path / "run.json").read_text())["rows"][0]["engine"] == run.rows[0].engine
    assert "choice" not in read_json(run.path / "models" / "knn" / "facts.json")


def test_it_is_shown_where_it_disturbs_nobody(run: sl.Run) -> None:
    assert trained_by(run) == "PyTorch bf16"
    assert "nets trained by PyTorch bf16" in table_text(run)
    assert ("Nets trained by", "PyTorch bf16", False) in made(run)
    hovers = {line.model: {name: hover for name, _, hover in line.cells}["fit s"] for line in table(run).lines}
    assert hovers["tiny"] == "trained by PyTorch bf16"
    assert hovers["knn"] == ""


@pytest.mark.compiler
@pytest.mark.slow
def test_a_net_goes_on_with_another_engine(run: sl.Run, tmp_path: Path) -> None:
    data = bars()
    child = sl.continue_run(
        run.path, "tiny", data=data, epochs=1, engine="native", precision="fp32", out=tmp_path / "b", quiet=True
    )
    assert child["tiny"].engine == "native fp32"
    assert (child.config["engine"], child.config["precision"]) == ("native", "fp32")
    assert "--engine native --precision fp32" in child.config["command"]
    again = sl.continue_run(child.path, data=data, epochs=1, engine="torch", out=tmp_path / "c", quiet=True)
    assert again["tiny"].engine == "PyTorch fp32", "the precision is its parent's"
    assert [epoch.epoch for epoch in again.histories["tiny"].epochs] == [1, 2, 3, 4]
    both = replace(child, rows=(child["tiny"], again["tiny"]))
    assert trained_by(both) == "native fp32 (tiny) and PyTorch fp32 (tiny)"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"engine": "jax"}, "expected --engine to be one of auto, torch, native, got 'jax'"),
        ({"precision": "fp8"}, "expected --precision to be one of auto, fp32, bf16, got 'fp8'"),
        ({"engine": "native", "precision": "bf16"}, "expected --engine native without --precision bf16"),
    ],
)
@pytest.mark.parametrize("verb", [sl.compare, sl.suspects])
def test_what_no_engine_does_is_refused_before_anything_is_read(
    verb: Any, asked: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        verb(tmp_path / "nothing", **asked)


def test_suspects_take_the_same_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import secondlook.verbs.suspects as verb

    seen: list[Any] = []

    class Spy:
        def __init__(self, whole: Any, parts: Any, entries: Any, *more: Any) -> None:
            seen.extend(entry.make(0) for entry in entries)

        def run(self, server: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(verb, "Crossfit", Spy)
    with pytest.raises(KeyboardInterrupt):
        sl.suspects(bars(), models=["lenet", "knn"], engine="torch", precision="fp32", quiet=True, out=tmp_path)
    assert [(m.engine, m.precision) for m in seen if hasattr(m, "engine")] == [("torch", "fp32")]


def test_the_command_line_passes_them_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("compare", "suspects"):
        monkeypatch.setattr("sys.argv", ["secondlook", verb, "nowhere", "--engine", "native", "--precision", "bf16"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "--engine native without --precision bf16" in capsys.readouterr().err
