"""Published studies of image classifiers, made again: their figures beside ours, and which of their claims hold."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from secondlook.errors import DataError, FitError, RunError, UsageError
from secondlook.runs.files import read_json, write_atomically, write_json
from secondlook.runs.kinds import config_of
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import Reproduced, Reproduction
from secondlook.verbs.reproductions.setting import Outcome, Setting, SourceStudy

# A file each.
NAMES = ("slash", "digits", "hard-digits", "hotdog", "quickdraw")
_RESULT = "reproduced.json"


def reproduce(
    studies: str | Sequence[str],
    data: str | Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Reproduction:
    """Makes published studies again, and puts their figures and claims beside ours.

    Each is made of comparisons and studies as anybody can make them, which are kept with their reports. A claim holds
    where the 95 % interval of ours lies where it says, does not hold where the interval lies elsewhere, and cannot be
    told otherwise.

    Args:
        studies: "slash", "digits", "hard-digits", "hotdog", "quickdraw", several of them, or "all".
        data: a folder that holds the images of all studies asked for (docs/reproduce.md says where in it they are
            looked for), or one study's own file or folder. Without it slash is generated, digits are scikit-learn's,
            and the others are refused.
        quick: shortened to less than two minutes each, which does not tell how high accuracies are.
        seed: gives every random stream.
        out: the directory; by default runs/reproduce-NAME-N. An unfinished one of the same request is gone on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Reproduction`.

    Raises:
        UsageError, DataError: an unknown study, or images that are missing; nothing was made. InterruptedRunError:
            Ctrl-C; what is finished is kept.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"expected a --seed of 0 or more, got {seed}")
    sources = [_source(name) for name in _names(studies)]
    place = None if data is None else Path(data).expanduser()
    # All are looked for before any is made.
    given = {source.name: source.find(place) for source in sources}
    with contextlib.ExitStack() as stack:
        directory = _directory(sources, place, quick, seed, out)
        stack.callback(directory.close)
        if directory.complete:
            return load_reproduction(directory.path)
        for at, source in enumerate(sources, start=1):
            setting = Setting(given[source.name], directory.path / source.name, quick, seed, quiet)
            _made(source, setting, f"{source.name}, {at} of {len(sources)}: {source.title}")
        return _finish(directory)


def load_reproduction(path: str | Path) -> Reproduction:
    """Opens a finished reproduction.

    Raises:
        RunError: there is none, or it is not finished.
    """
    path = Path(path)
    return _read(path, config_of(path, "reproduction"))


def _read(path: Path, config: Mapping[str, Any]) -> Reproduction:
    found = [Reproduced.from_json(read_json(path / name / _RESULT)) for name in config["reproduces"]]
    return Reproduction(path, config, tuple(found))


def _names(studies: str | Sequence[str]) -> list[str]:
    words = [word.strip() for word in studies.split(",")] if isinstance(studies, str) else list(studies)
    for word in words:
        if word not in (*NAMES, "all"):
            raise UsageError(f"expected studies out of {', '.join(NAMES)}, or all, got '{word}'")
    if not words:
        raise UsageError(f"expected a study to make again, out of {', '.join(NAMES)}, or all, got none")
    return [name for name in NAMES if name in words or "all" in words]


def _source(name: str) -> SourceStudy:
    found: SourceStudy = import_module(f"secondlook.verbs.reproductions.{name.replace('-', '_')}").STUDY
    return found


def _directory(
    sources: Sequence[SourceStudy], data: Path | None, quick: bool, seed: int, out: str | Path | None
) -> RunDirectory:
    from secondlook.runs.machine import hardware, versions

    names = [source.name for source in sources]
    where = None if data is None else str(data.resolve())
    identity = {"reproduces": names, "data": where, "quick": quick, "seed": seed}
    stem = f"reproduce-{names[0] if len(names) == 1 else 'all' if len(names) == len(NAMES) else 'some'}"
    directory = RunDirectory(Path(out).expanduser()) if out is not None else open_next(stem, identity)
    words = ["secondlook", "reproduce", ",".join(names) if len(names) < len(NAMES) else "all"]
    words += [] if data is None else ["--data", str(data)]
    words += ["--quick"] if quick else []
    words += ["--seed", str(seed)] if seed else []
    command = shlex.join([*words, "--out", str(directory.path)])
    try:
        directory.begin({**identity, "command": command, "versions": versions(), "hardware": hardware()}, identity)
    except BaseException:
        directory.close()
        raise
    return directory


def _made(source: SourceStudy, setting: Setting, said: str) -> None:
    """Makes one study, unless it was made before, and keeps what came of it."""
    from secondlook.show.narrator import Narrator

    with contextlib.closing(Narrator(quiet=setting.quiet)) as narrator:
        narrator.say(said)
    kept = setting.folder / _RESULT
    if kept.exists():
        return
    setting.folder.mkdir(exist_ok=True)
    outcome, why, seconds = _tried(source, setting)
    runs = sorted(path.parent.name for path in setting.folder.glob("*/manifest.json"))
    pages = sorted(path.name for path in setting.folder.glob("*.html"))
    found = Reproduced(
        source.name, source.title, source.source, setting.given.said, outcome.differences, outcome.tables,
        outcome.claims, (*runs, *pages), setting.quick, seconds, why,
    )  # fmt: skip
    write_json(kept, found.json())


def _tried(source: SourceStudy, setting: Setting) -> tuple[Outcome, str, float]:
    """What came of a study; why it could not be made, while the others go on; and seconds, of all attempts."""
    spent = setting.folder / "seconds.json"
    before: float = read_json(spent) if spent.exists() else 0.0
    started = perf_counter()
    outcome, why = Outcome((), (), ()), ""
    try:
        outcome = source.made(setting)
    except (DataError, FitError, RunError) as error:
        why = str(error)
    finally:
        seconds = before + perf_counter() - started
        write_json(spent, seconds)
    return outcome, why, seconds


def _finish(directory: RunDirectory) -> Reproduction:
    """Writes the tables and pages of all, and seals the directory."""
    path = directory.path
    found = _read(path, read_json(path / "config.json"))
    write_json(path / "reproduction.json", found.json())
    write_atomically(path / "figures.csv", lambda part: found.frame().to_csv(part, index=False))
    write_atomically(path / "report.md", lambda part: part.write_text(found.markdown(), encoding="utf-8"))
    found.report()
    directory.seal()
    return found
