"""What a study leaves: its results, tables and report, the manifest last; and how it is opened again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from secondlook.errors import RunError
from secondlook.judge.findings import StudyContext, judge_study
from secondlook.judge.study_laws import better, laws_of
from secondlook.runs.cells import read_cell
from secondlook.runs.files import read_json, write_atomically, write_json
from secondlook.runs.kinds import config_of
from secondlook.runs.store import RunDirectory
from secondlook.types import Cell, Kind, Study
from secondlook.verbs.options import TEST, Options
from secondlook.verbs.study_cells import Varied


def finish(
    directory: RunDirectory, kind: Kind, cells: Sequence[Cell], wanted: Sequence[float], minority: str, seed: int,
    mute: Sequence[str], seconds: float,
) -> Study:  # fmt: skip
    """Fits the laws, judges, writes everything, and seals the study."""
    path = directory.path
    config, data = read_json(path / "config.json"), read_json(path / "data.json")
    study = _with_laws(Study(path, kind, config, data, tuple(cells)), wanted, minority, seed, mute)
    directory.write_made(seconds, "cpu")
    write_json(path / "study.json", {**study.json(), "order": [cell.name for cell in cells], "muted": list(mute)})
    for name, table in (("cells.csv", study.frame()), ("classes.csv", study.recalls()), ("curves.csv", study.curves())):
        if len(table):
            write_atomically(path / name, lambda part, table=table: table.to_csv(part, index=False))  # type: ignore[misc]
    study.report()
    directory.seal()
    return study


def _with_laws(study: Study, wanted: Sequence[float], minority: str, seed: int, mute: Sequence[str]) -> Study:
    done = [cell for cell in study.cells if cell.status == "ok"]
    sized = study.kind in ("size", "grid", "imbalance")
    wanted = wanted or (better(study.kind, done, minority) if sized else ())
    laws = {
        model: laws_of(study.kind, study.of(model), wanted, seed, minority) for model in study.models if study.of(model)
    }
    found = replace(study, laws=laws)
    return replace(found, findings=judge_study(StudyContext(found), mute=mute).findings)


def load_study(path: str | Path) -> Study:
    """Opens a finished study. Its laws are fitted again to its cells, which gives the same numbers.

    Raises:
        RunError: there is none, it is not finished, or it is damaged.
    """
    path = Path(path)
    config = config_of(path, "study")
    kept = read_json(path / "study.json")
    cells = tuple(read_cell(path, name) for name in kept["order"])
    if missing := [name for name, cell in zip(kept["order"], cells, strict=True) if cell is None]:
        raise RunError(f"{path} is damaged: {missing[0]} is missing; delete the study and make it again")
    study = Study(path, config["kind"], config, kept["data"], tuple(cell for cell in cells if cell is not None))
    return _with_laws(study, config["accuracies"], config["minority"], config["seed"], kept["muted"])


def command_line(
    data: Any, varied: Varied, models: str | Sequence[str] | None, nets: Mapping[str, Any], options: Options,
    wanted: Sequence[float], path: Path,
) -> str:  # fmt: skip
    """The command line that makes this study, or goes on with it."""
    words = ["secondlook", "study", varied.kind, str(data) if isinstance(data, str | Path) else "DATA"]
    words += [",".join(repr(value) for value in varied.values)] if varied.values else []
    words += ["--models", models if isinstance(models, str) else ",".join(models)] if models is not None else []
    for name, net in nets.items():
        words += ["--net", f"{name}={net if isinstance(net, str) else 'MODULE'}"]
    lists: dict[str, Sequence[Any]] = {
        "rows": varied.rows, "classes": varied.classes, "remedy": varied.remedies, "accuracy": wanted,
    }  # fmt: skip
    for name, several in lists.items():
        words += [f"--{name}", ",".join(str(one) for one in several)] if several else []
    words += ["--minority", varied.minority] if varied.minority else []
    words += ["--mute", options.mute] if options.mute else []
    plain = Options(0.15, TEST, "accuracy", False, None, None, None, None, 0, seeds=3)
    for name in (
        "test",
        "epochs",
        "limit",
        "size",
        "seed",
        "group",
        "resize",
        "seeds",
        "engine",
        "precision",
        "recipe",
    ):
        value = getattr(options, name)
        words += [f"--{name}", str(value)] if value != getattr(plain, name) else []
    words += ["--strict"] if options.strict else []
    return shlex.join([*words, "--augment", options.augment, "--out", str(path)])
