"""Reopens a run directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from secondlook.errors import RunError
from secondlook.runs.files import checksum, read_json
from secondlook.runs.kinds import config_of
from secondlook.runs.scorecards import pairs_now, read_scores, scores_now
from secondlook.types import (
    PARTS,
    Audit,
    Finding,
    History,
    OperatingPoint,
    Pair,
    Pairs,
    Part,
    Predictions,
    Probes,
    Replay,
    Round,
    Row,
    Run,
    Scores,
    Thumbnails,
)  # fmt: skip


def load_run(path: str | Path, *, verify: bool = False) -> Run:
    """Reopens a finished run.

    Args:
        path: the run directory.
        verify: compare every file with its checksum in the manifest.

    Raises:
        RunError: there is none, it holds something else, it is incomplete, or a file was changed.
    """
    folder = Path(path)
    config_of(folder, "comparison")
    if verify:
        _verify(folder)
    return read_results(folder)


def _verify(folder: Path) -> None:
    for name, entry in read_json(folder / "manifest.json")["files"].items():
        file = folder / name
        if not file.exists() or file.stat().st_size != entry["bytes"] or checksum(file) != entry["sha256"]:
            raise RunError(f"{file} is missing or was changed after the run was finished")


def read_results(folder: Path) -> Run:
    """The run as its files have it, complete or not; results must have been written."""
    config, data, results = (read_json(folder / f"{name}.json") for name in ("config", "data", "run"))
    with np.load(folder / "items.npz") as file:
        items = {name: file[name] for name in file.files}
    made = read_json(folder / "made.json")
    k = len(data["classes"])
    counts = {str(part): np.bincount(items["labels"][items[part]], minlength=k).tolist() for part in PARTS}
    histories = {p.parent.name: _read_history(p) for p in sorted(folder.glob("models/*/history.json"))}

    def predictions(model: str, part: Part) -> Predictions:
        path = folder / "predictions" / f"{model}.npz"
        if not path.exists():
            raise RunError(f"the run {folder} has no predictions of '{model}'")
        index = items[part]
        with np.load(path) as file:
            said = file[part]
        names = items["names"][index].tolist()
        return Predictions(model, part, said, items["labels"][index], index, names, tuple(data["classes"]))

    def scores(model: str) -> Scores:
        if (folder / "scores.csv").exists():
            return read_scores(folder / "scores.csv", model, data["classes"])
        if config.get("cv"):
            raise RunError(f"{folder} was made before scores over folds were kept; run the same command anew")
        return scores_now(predictions(model, "test"), counts["train"], config["seed"])

    rows = tuple(Row(**row) for row in results["rows"])
    if "pairs" in results:
        pairs = Pairs(tuple(Pair.from_json(one) for one in results["pairs"]))
    else:
        done = [] if config.get("cv") else [row.model for row in rows if row.test_accuracy is not None]
        pairs = pairs_now([predictions(model, "test") for model in done])
    places = {str(name): i for i, name in enumerate(items["ids"].tolist())} if results.get("findings") else {}
    findings = tuple(Finding.from_json(found, places) for found in results.get("findings", ()))
    return Run(
        path=folder,
        config={**config, **made},
        data=data,
        rows=rows,
        chance=results["chance"],
        majority=results["majority"],
        chosen=results["chosen"],
        histories=histories,
        class_counts=counts,
        _predictions=predictions,
        _thumbnails=lambda: _read_thumbnails(folder / "thumbnails.npz"),
        leaked=items.get("leaked", np.zeros(0, dtype=np.bool_)),
        findings=findings,
        pairs=pairs,
        _scores=scores,
        operating=tuple(OperatingPoint.from_json(one) for one in results.get("operating", ())),
        rounds=tuple(Round.from_json(one) for one in results.get("rounds", ())),
        decisions=Replay.from_json(results["decisions"]) if "decisions" in results else None,
        checks=results.get("checks", {}),
        invariance=Probes.from_json(results.get("probes", {})),
        _audit=(lambda: _read_audit(folder, findings)) if (folder / "audit.json").exists() else None,
        _pictures=(lambda: _read_thumbnails(folder / "findings.npz")) if (folder / "findings.npz").exists() else None,
    )


def _read_thumbnails(path: Path) -> Thumbnails:
    with np.load(path) as file:
        return Thumbnails(file["items"], file["pixels"])


def _read_audit(folder: Path, findings: tuple[Finding, ...]) -> Audit:
    found = read_json(folder / "audit.json")
    return Audit(
        path=folder,
        data=found["data"],
        findings=tuple(finding for finding in findings if not finding.on_models),
        silent=tuple(found["silent"]),
        not_applicable=found["not_applicable"],
        muted=tuple(found["muted"]),
        thumbnails=_read_thumbnails(folder / "audit.npz"),
    )


def _read_history(path: Path) -> History:
    return History.from_json(read_json(path))
