"""A finished audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.types.finding import Finding
from secondlook.types.run import Thumbnails

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found out about a set of images.

    Attributes:
        path: the folder that holds audit.html and audit.json, or None where they were not written.
        data: {"source", "format", "n", "classes", "counts" (items per class in each part, or in
            "all"), "shape", "fingerprint", "split" (its method, "" for none), "why_no_split" (a sentence, else ""),
            "chance", "majority", "faults" ([{"name", "kind", "reason"}]: what was left out), "seconds"}.
        findings: serious ones first, then by code.
        silent: codes of checks that found nothing.
        not_applicable: why a check was not made, by code.
        muted: codes that were not asked for.
        thumbnails: small images of the items that findings name.
    """

    path: Path | None
    data: Mapping[str, Any]
    findings: tuple[Finding, ...]
    silent: tuple[str, ...]
    not_applicable: Mapping[str, str]
    muted: tuple[str, ...]
    thumbnails: Thumbnails = field(repr=False)

    def __getitem__(self, code: str) -> Finding:
        for finding in self.findings:
            if finding.code == code:
                return finding
        raise KeyError(
            f"no finding {code!r} in this audit; it has {', '.join(f.code for f in self.findings) or 'none'}"
        )

    @property
    def serious(self) -> bool:
        """Whether a finding is serious: the command then exits with 3."""
        return any(finding.severity == "serious" for finding in self.findings)

    def json(self) -> dict[str, Any]:
        """What ``audit.json`` and ``--json`` hold."""
        return {
            "audit": None if self.path is None else str(self.path),
            "data": dict(self.data),
            "findings": [finding.json() for finding in self.findings],
            "silent": list(self.silent),
            "not_applicable": dict(self.not_applicable),
            "muted": list(self.muted),
        }

    def frame(self) -> pd.DataFrame:
        """One line per finding: code, severity, title, number of items, advice."""
        import pandas as pd

        columns = ["code", "severity", "title", "items", "advice"]
        rows = [(f.code, f.severity, f.title, len(f.items), f.advice) for f in self.findings]
        return pd.DataFrame(rows, columns=columns)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Items per class, parts stacked."""
        from secondlook.show.plots import plot_counts

        return plot_counts(self, ax)

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the one-file page with the images concerned; by default ``audit.html`` in the audit's folder.

        Returns:
            The path written.
        """
        from secondlook.show.audit import write_audit

        target = Path(path) if path is not None else (self.path or Path()) / "audit.html"
        return write_audit(self, target)

    def _repr_html_(self) -> str:
        from secondlook.show.audit import findings_html

        return findings_html(self.findings)
