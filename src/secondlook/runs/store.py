"""The run directory: what a comparison keeps, complete exactly when its manifest is there.

config.json               the resolved configuration, seeds, versions, hardware
data.json  items.npz      what was compared: classes, shape, fingerprint; labels, ids, names, the split, what leaks
models/NAME/              facts.json (written last: the model is done), history.json, weights, state to go on from,
                          log.txt; probes.npz: answers to changed test images
predictions/NAME.npz      probabilities float32 (n, k) of train, valid and test
run.json  table.csv       the results; the same object that --json prints
scores.csv                every score of every model on the test part, with intervals
folds.csv                 with folds: the scores of each; models/ and predictions/ then hold NAME/fold-N too
seeds.csv                 with several seeds: the scores of each; models/ and predictions/ then hold NAME/seed-N too
thumbnails.npz            small images of mistakes, and of some right answers, for the report
audit.json  audit.npz     what was found out about the images, and small images of the items concerned
findings.npz              small images of the items that findings on the models are about
report.html
manifest.json             every file's checksum, written last of all
INCOMPLETE.txt            until then
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import RunError
from secondlook.runs.files import (
    checksum,
    is_run,
    read_json,
    savez,
    write_atomically,
    write_csv,
    write_json,
    write_rows,
)
from secondlook.runs.folders import ROOT, numbers, take_next
from secondlook.runs.machine import hardware
from secondlook.types import PARTS, SEVERITIES, Audit, Finding, ImageSet, Part, Predictions, Row, Split, Thumbnails

FORMAT = 1
_INCOMPLETE = """This run is not complete: it was interrupted or is still going on.
The same command goes on from the models that are done:

    {command}
"""


class RunDirectory:
    """A run that is being made. Holds a lock, so that two commands cannot write one run."""

    def __init__(self, path: Path) -> None:
        """Opens or creates `path`.

        Raises:
            RunError: it cannot be made, holds something else, or is in use by another command.
        """
        self.path = path
        self.fresh = not path.exists()
        try:
            if not self.fresh:
                _check_is_run(path)
            path.mkdir(parents=True, exist_ok=True)
            # The directory itself is locked: nothing is left behind, and the lock dies with its process.
            self._lock = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise RunError(f"cannot write the run to {path} ({error.strerror}); choose another --out") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise BusyError(f"{path} is in use by another command; wait for it or choose another --out") from None

    def close(self) -> None:
        """Gives the lock back and removes what was only of use while fitting."""
        shutil.rmtree(self.path / ".scratch", ignore_errors=True)
        os.close(self._lock)

    @property
    def complete(self) -> bool:
        """Whether the manifest is there."""
        return (self.path / "manifest.json").exists()

    def begin(self, config: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
        """Writes the configuration of a new run, or checks that an old one is the same.

        Raises:
            RunError: the directory holds a run of another configuration; the first difference is named.
        """
        if not self.fresh and (self.path / "config.json").exists():
            known = read_json(self.path / "config.json")["identity"]
            for key in sorted({*known, *identity}):
                if known.get(key) != identity.get(key):
                    raise RunError(
                        f"{self.path} holds a run with another configuration ({key} was {_short(known.get(key))}, "
                        f"now {_short(identity.get(key))}); choose another --out"
                    )
            return
        write_json(self.path / "config.json", {"format": FORMAT, **config, "identity": identity})
        text = _INCOMPLETE.format(command=config["command"])
        (self.path / "INCOMPLETE.txt").write_text(text, encoding="utf-8")

    def write_data(self, images: ImageSet, split: Split, **more: NDArray[Any]) -> None:
        """Keeps what was compared, without the images; `more` arrays about items go with them."""
        data = {
            "source": images.source,
            "n": len(images),
            "classes": list(images.classes),
            "shape": list(images.shape),
            "fingerprint": images.fingerprint,
            "format": images.format,
        }
        write_json(self.path / "data.json", data)
        arrays = {"labels": images.labels, "ids": images.ids, "names": np.array(images.names, dtype=np.str_)}
        arrays |= {str(part): split[part] for part in PARTS} | more
        write_atomically(self.path / "items.npz", lambda part: savez(part, arrays))

    def write_audit(self, audit: Audit) -> None:
        """Keeps what was found out about the images, with small images of the items concerned."""
        arrays = {"items": audit.thumbnails.items, "pixels": audit.thumbnails.pixels}
        write_atomically(self.path / "audit.npz", lambda part: savez(part, arrays))
        write_json(self.path / "audit.json", audit.json())

    def scratch_pixels(self, images: ImageSet, split: Split) -> dict[Part, Path]:
        """A .npy file of each part's pixels for the children to map, written in blocks; gone when the run is closed.

        Those of another split replace them.

        Raises:
            RunError: the disk has no room for them.
        """
        folder = self.path.resolve() / ".scratch"
        paths: dict[Part, Path] = {part: folder / f"{part}.npy" for part in PARTS}
        try:
            folder.mkdir(exist_ok=True)
            for part, path in paths.items():
                path.unlink(missing_ok=True)  # a new file: whoever still maps the old one keeps it
                write_rows(path, images.pixels, split[part])
        except OSError as error:
            raise RunError(f"cannot write the images to {folder} ({error.strerror}); choose another --out") from None
        return paths

    def facts(self, model: str) -> dict[str, Any] | None:
        """What is known of a model that is done, or None."""
        path = self.path / "models" / model / "facts.json"
        return read_json(path) if path.exists() else None

    def workplace(self, model: str) -> Path:
        """An empty folder for one model's files, until `keep` moves them."""
        folder = self.path / ".scratch" / model
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def keep(self, model: str, facts: Mapping[str, Any]) -> None:
        """Moves a fitted model's files to their place; the facts come last and say that it is done."""
        source, target = self.path / ".scratch" / model, self.path / "models" / model
        shutil.rmtree(target, ignore_errors=True)
        said = self.path / "predictions" / f"{model}.npz"
        for folder in (said.parent, target):
            folder.mkdir(parents=True, exist_ok=True)
        said.unlink(missing_ok=True)  # of an earlier turn that was interrupted
        if (source / "predictions.npz").exists():
            (source / "predictions.npz").replace(said)
        for file in sorted(source.iterdir()):
            file.replace(target / file.name)
        source.rmdir()
        write_json(target / "facts.json", facts)

    def answers(self, name: str, parts: Sequence[Part] = PARTS) -> dict[Part, Any]:
        """The stored probabilities of one fit, float32 (n, k) by part; `name` may be that of a fold or a seed."""
        with np.load(self.path / "predictions" / f"{name}.npz") as file:
            return {part: file[part] for part in parts}

    def predictions(self, model: str, part: Part, images: ImageSet, split: Split) -> Predictions:
        """What a model that is done said of a part."""
        said = self.answers(model, (part,))[part]
        items = split[part]
        names = [images.names[i] for i in items]
        return Predictions(model, part, said, images.labels[items], items, names, images.classes)

    def write_results(self, results: Mapping[str, Any], rows: Sequence[Row], thumbnails: Thumbnails) -> None:
        """Writes run.json (what --json prints), table.csv and the thumbnails; opens with the run and its data."""
        data, audit = read_json(self.path / "data.json"), read_json(self.path / "audit.json")
        lines = [row.json() for row in rows]
        head = {"run": str(self.path), "data": data}
        write_json(self.path / "run.json", {**head, **results, "findings": audit["findings"], "rows": lines})
        write_csv(self.path / "table.csv", list(Row("", "ok").json()), lines)
        arrays = {"items": thumbnails.items, "pixels": thumbnails.pixels}
        write_atomically(self.path / "thumbnails.npz", lambda part: savez(part, arrays))

    def write_judged(
        self,
        findings: Sequence[Finding],
        checks: Mapping[str, Any],
        probes: Mapping[str, Any],
        thumbnails: Thumbnails,
    ) -> None:
        """Adds what was found out about the models to run.json, beside what was found out about the images.

        Args:
            findings: of models. checks: what became of those without a finding. probes: as `Probes.json` gives them.
            thumbnails: small images of the items that the findings name.
        """
        results = read_json(self.path / "run.json")
        known = [*results["findings"], *(finding.json() for finding in findings)]
        known.sort(key=lambda found: (-SEVERITIES.index(found["severity"]), found["code"]))
        write_json(self.path / "run.json", {**results, "findings": known, "checks": checks, "probes": probes})
        arrays = {"items": thumbnails.items, "pixels": thumbnails.pixels}
        write_atomically(self.path / "findings.npz", lambda part: savez(part, arrays))

    def open_test(self) -> None:
        """Counts that the test part is looked at, before it is."""
        made = self._read_made()
        write_json(self.path / "made.json", {**made, "test_opened": made["test_opened"] + 1})

    def write_made(self, seconds: float, device: str) -> None:
        """Keeps with what, and in how much time, the results were made."""
        made = self._read_made()
        write_json(
            self.path / "made.json",
            {**made, "seconds": made["seconds"] + seconds, "hardware": {**hardware(), "device": device}},
        )

    def _read_made(self) -> dict[str, Any]:
        path = self.path / "made.json"
        if path.exists():
            found: dict[str, Any] = read_json(path)
            return found
        # A run that goes on from another looks at the same test part again.
        config = self.path / "config.json"
        parent = read_json(config).get("parent", {}) if config.exists() else {}
        return {"test_opened": parent.get("test_opened", 0), "seconds": 0.0}

    def seal(self) -> None:
        """Writes the manifest: from now on the run is complete and never changed."""
        files = sorted(p for p in self.path.rglob("*") if p.is_file() and not _hidden(p.relative_to(self.path)))
        listing = {
            str(p.relative_to(self.path)): {"bytes": p.stat().st_size, "sha256": checksum(p)}
            for p in files
            if p.name != "INCOMPLETE.txt"
        }
        write_json(self.path / "manifest.json", {"format": FORMAT, "files": listing})
        (self.path / "INCOMPLETE.txt").unlink(missing_ok=True)


def _check_is_run(path: Path) -> None:
    if not path.is_dir():
        raise RunError(f"expected --out to be a new or a run's directory, but {path} is a file; choose another")
    inside = sorted(p.name for p in path.iterdir() if p.name != ".scratch")
    if inside and not is_run(path):
        raise RunError(
            f"expected --out to be a new or a run's directory, but {path} holds something else "
            f"({', '.join(inside[:3])}); choose another"
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class BusyError(RunError):
    """Another command holds the run."""


def open_next(stem: str, identity: Mapping[str, Any], root: Path = ROOT) -> RunDirectory:
    """The directory of a run without --out, ``runs/NAME-N``.

    An incomplete run of the same configuration is gone on with, unless another command is at it; else N is one more
    than the highest there is.
    """
    for number in sorted(numbers(stem, root), reverse=True):
        path = root / f"{stem}-{number}"
        if is_run(path) and not (path / "manifest.json").exists() and _identity_of(path) == identity:
            with contextlib.suppress(BusyError):
                return RunDirectory(path)
    directory = RunDirectory(take_next(stem, root))
    directory.fresh = True
    return directory


def _identity_of(path: Path) -> Any:
    return read_json(path / "config.json")["identity"]
