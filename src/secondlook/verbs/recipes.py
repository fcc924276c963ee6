"""How nets are trained, as text: ``batch=64,schedule=constant``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from secondlook.errors import UsageError
from secondlook.models.engines import OptimiserName
from secondlook.models.train import Keep, Schedule

# What of a net's training a recipe may set, and of which kind each is; the rest has options of its own.
_RECIPE: dict[str, type] = {
    "batch": int,
    "learning_rate": float,
    "optimizer": str,
    "weight_decay": float,
    "schedule": str,
    "patience": int,
    "keep": str,
}
_WORDS = {
    "optimizer": get_args(OptimiserName),
    "schedule": get_args(Schedule),
    "keep": get_args(Keep),
}


def recipe_of(given: str | Mapping[str, Any]) -> dict[str, Any]:
    """Settings of nets: "batch=64,schedule=constant", or a mapping.

    Raises:
        UsageError: an unknown name, or a value that is none.
    """
    pairs = (
        dict(part.partition("=")[::2] for part in given.split(",") if part.strip()) if isinstance(given, str) else given
    )
    found: dict[str, Any] = {}
    for name, value in ((key.strip(), value) for key, value in pairs.items()):
        if name not in _RECIPE:
            raise UsageError(f"expected --recipe with names out of {', '.join(_RECIPE)}, got '{name}'")
        try:
            made = _RECIPE[name](str(value).strip())
        except ValueError:
            made = None
        words = _WORDS.get(name)
        whole = _RECIPE[name] is int
        if made is None or (made not in words if words else not int(whole) <= made < 1e9):
            number = "a whole number of 1 or more" if whole else "a number of 0 or more"
            what = f"one of {', '.join(words)}" if words else number
            raise UsageError(f"expected {name} in --recipe to be {what}, got '{value}'")
        found[name] = made
    return found


def as_text(recipe: Mapping[str, Any]) -> str:
    """The same as text, as `recipe_of` reads it."""
    return ",".join(f"{name}={value}" for name, value in recipe.items())
