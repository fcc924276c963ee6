"""Choices of engines that were made on this machine: one small JSON file each, in the cache.

A choice is timed, and times differ from day to day. Who finds a choice takes it, so that the same seed gives the same
bits tomorrow; of two processes that choose at the same time, the first to write is right for both.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secondlook.data.read.cache import cache_folder
from secondlook.models.engines.choice import Choice

_FOLDER = "engines-1"

Key = Mapping[str, Any]


def recall(key: Key) -> Choice | None:
    """The choice that was made for a key of plain JSON values; None where there is none, or its file is damaged."""
    try:
        document = json.loads(_file(key).read_text(encoding="utf-8"))
        if document["key"] != _plain(key):  # two keys of one name
            return None
        return Choice.from_json(document["choice"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(key: Key, choice: Choice, times: Mapping[str, float]) -> Choice:
    """Keeps a choice, unless another process was first: what is kept now.

    Where the cache cannot be written, nothing is kept, and the next process chooses anew.

    Args:
        times: microseconds per image of all that were tried, for people who look into the file.
    """
    file = _file(key)
    document = {"key": _plain(key), "choice": asdict(choice), "microseconds_per_image": dict(times)}
    part = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(document, indent=1) + "\n")
        with contextlib.suppress(OSError):  # it exists: of another process, or damaged
            os.link(part, file)
        kept = recall(key)
        if kept is None:
            Path(part).replace(file)
        return choice if kept is None else kept
    except OSError:
        return choice
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)


def _plain(key: Key) -> Any:
    """The key as JSON gives it back: tuples are lists there."""
    return json.loads(json.dumps(dict(key)))


def _file(key: Key) -> Path:
    text = json.dumps(_plain(key), sort_keys=True)
    return cache_folder() / _FOLDER / f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}.json"
