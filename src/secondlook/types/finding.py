"""What was found out about data, models or studies: a stable code, numbers, advice, and the items it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "serious"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "serious")


@dataclass(frozen=True)
class Item:
    """One item that a finding is about.

    Attributes:
        name: where it came from: a path relative to the source, or file and row.
        id: as in `ImageSet.ids`; "" for a file that could not be read.
        index: into the ImageSet; -1 for a file that could not be read.
        note: what is to be said of this item alone: its label, its reason, its number; "" for nothing.
        group: items of one finding that belong together (copies of one image) share a number, from 0; else None.
    """

    name: str
    id: str = ""
    index: int = -1
    note: str = ""
    group: int | None = None

    def json(self) -> dict[str, Any]:
        """id and name, and what else there is."""
        found: dict[str, Any] = {"id": self.id, "name": self.name}
        if self.note:
            found["note"] = self.note
        if self.group is not None:
            found["group"] = self.group
        return found


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        code: "D101": D… is about data, M… about models, S… about studies. Codes are stable and can be muted.
        title: one plain sentence that holds the main numbers.
        severity: "info" (good to know), "warning" (may mislead), "serious" (the numbers cannot be trusted as they are).
        evidence: the numbers behind it by name, plain JSON values.
        advice: what to do, one or two plain sentences.
        items: the items concerned, the most telling first; all of them.
    """

    code: str
    title: str
    severity: Severity
    evidence: Mapping[str, Any]
    advice: str
    items: tuple[Item, ...] = ()

    @property
    def on_models(self) -> bool:
        """Whether it is about models, and not about the images."""
        return self.code.startswith("M")

    def json(self) -> dict[str, Any]:
        """A plain dictionary: code, title, severity, evidence, advice, items."""
        return {
            "code": self.code,
            "title": self.title,
            "severity": self.severity,
            "evidence": dict(self.evidence),
            "advice": self.advice,
            "items": [item.json() for item in self.items],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], places: Mapping[str, int]) -> Finding:
        """What `json` gave, read again.

        Args:
            document: code, title, severity, evidence, advice, items.
            places: the index of every item by its id.
        """
        items = tuple(
            Item(found["name"], found["id"], places.get(found["id"], -1), found.get("note", ""), found.get("group"))
            for found in document["items"]
        )
        return cls(**{**document, "items": items})
