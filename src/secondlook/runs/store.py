"""The run directory: what a comparison keeps, complete exactly when its manifest is there.

config.json               the resolved configuration, seeds, versions, hardware
data.json  items.npz      what was compared: classes, shape, fingerprint; labels, ids, names and the split
models/NAME/              facts.json (written last: the model is done), history.json, weights, log.txt
predictions/NAME.npz      probabilities float32 (n, k) of train, valid and test
run.json  table.csv       the results; the same object that --json prints
thumbnails.npz            small images of the chosen model's mistakes
report.html
manifest.json             every file's checksum, written last of all
INCOMPLETE.txt            until then
"""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secondlook.errors import RunError
from secondlook.runs.files import checksum, read_json, savez, write_atomically, write_json
from secondlook.runs.machine import hardware
from secondlook.types import PARTS, ImageSet, Part, Predictions, Row, Split, Thumbnails

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
            RunError: it is a file, a folder with something else in it, or in use by another command.
        """
        self.path = path
        self.fresh = not path.exists()
        if not self.fresh:
            _check_is_run(path)
        path.mkdir(parents=True, exist_ok=True)
        self._lock = (path / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise RunError(f"{path} is in use by another command; wait for it or choose another --out") from None

    def close(self) -> None:
        """Gives the lock back and removes what was only of use while fitting."""
        shutil.rmtree(self.path / ".scratch", ignore_errors=True)
        (self.path / ".lock").unlink(missing_ok=True)
        self._lock.close()

    @property
    def complete(self) -> bool:
        """Whether the manifest is there."""
        return (self.path / "manifest.json").exists()

    def begin(self, config: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
        """Writes the configuration of a new run, or checks that an old one is the same.

        Raises:
            RunError: the directory holds a run of another configuration; the first difference is named.
        """
        if (self.path / "config.json").exists():
            known = read_json(self.path / "config.json").get("identity", {})
            for key in sorted({*known, *identity}):
                if known.get(key) != identity.get(key):
                    raise RunError(
                        f"{self.path} holds a run with another configuration ({key} was {_short(known.get(key))}, "
                        f"now {_short(identity.get(key))}); choose another --out"
                    )
            return
        text = _INCOMPLETE.format(command=config["command"])
        (self.path / "INCOMPLETE.txt").write_text(text, encoding="utf-8")
        write_json(self.path / "config.json", {"format": FORMAT, **config, "identity": identity})

    def write_data(self, images: ImageSet, split: Split) -> None:
        """Keeps what was compared, without the images."""
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
        arrays |= {str(part): split[part] for part in PARTS}
        write_atomically(self.path / "items.npz", lambda part: savez(part, arrays))

    def scratch_pixels(self, images: ImageSet) -> Path:
        """A .npy file of the pixels for the children to map; it is gone when the run is closed."""
        path = self.path / ".scratch" / "pixels.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, images.pixels)
        return path

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
        for folder in (self.path / "predictions", target):
            folder.mkdir(parents=True, exist_ok=True)
        if (source / "predictions.npz").exists():
            (source / "predictions.npz").replace(self.path / "predictions" / f"{model}.npz")
        for file in sorted(source.iterdir()):
            file.replace(target / file.name)
        source.rmdir()
        write_json(target / "facts.json", facts)

    def predictions(self, model: str, part: Part, images: ImageSet, split: Split) -> Predictions:
        """What a model that is done said of a part."""
        with np.load(self.path / "predictions" / f"{model}.npz") as file:
            said = file[part]
        items = split[part]
        names = [images.names[i] for i in items]
        return Predictions(model, part, said, images.labels[items], items, names, images.classes)

    def write_results(
        self, results: Mapping[str, Any], rows: Sequence[Row], thumbnails: Thumbnails, *, complete: bool
    ) -> None:
        """Writes run.json (what --json prints), table.csv and the thumbnails; opens with the run and its data."""
        data = read_json(self.path / "data.json")
        lines = [row.json() for row in rows]
        head = {"run": str(self.path), "complete": complete, "data": data}
        write_json(self.path / "run.json", {**head, **results, "rows": lines})
        write_atomically(self.path / "table.csv", lambda part: _write_csv(part, lines))
        arrays = {"items": thumbnails.items, "pixels": thumbnails.pixels}
        write_atomically(self.path / "thumbnails.npz", lambda part: savez(part, arrays))

    def write_made(self, seconds: float, device: str) -> None:
        """Keeps how the results were made: hardware, time, and how often the test part was opened by now."""
        path = self.path / "made.json"
        before = read_json(path) if path.exists() else {"test_opened": 0, "seconds": 0.0}
        made = {
            "test_opened": before["test_opened"] + 1,
            "seconds": before["seconds"] + seconds,
            "hardware": {**hardware(), "device": device},
        }
        write_json(path, made)

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
    inside = [p.name for p in path.iterdir() if p.name != ".lock"]
    if inside and "config.json" not in inside and "INCOMPLETE.txt" not in inside:
        raise RunError(
            f"expected --out to be a new or a run's directory, but {path} holds something else "
            f"({', '.join(sorted(inside)[:3])}); choose another"
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(Row("", "ok").json()))
        writer.writeheader()
        writer.writerows(rows)


def next_out(stem: str, identity: Mapping[str, Any], root: Path = Path("runs")) -> tuple[Path, bool]:
    """The directory of a run without --out: ``runs/NAME-N``, and whether it is one to go on with.

    An incomplete run of the same configuration is gone on with; else N is one more than the highest there is.
    """
    numbers = [int(tail) for p in root.glob(f"{stem}-*") if (tail := p.name.rpartition("-")[2]).isdigit()]
    for number in sorted(numbers, reverse=True):
        path = root / f"{stem}-{number}"
        if (path / "config.json").exists() and not (path / "manifest.json").exists():
            try:
                same = read_json(path / "config.json").get("identity") == identity
            except RunError:
                continue  # a damaged run is somebody's to look at, not ours to go on with
            if same:
                return path, True
    return root / f"{stem}-{max(numbers, default=0) + 1}", False
