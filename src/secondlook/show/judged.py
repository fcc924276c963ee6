"""What the report says of the models after the table: the findings on them, and the invariance probe."""

from __future__ import annotations

from typing import Any

from secondlook.show import format as fmt
from secondlook.show.findings import cards, counted, severity_counts
from secondlook.show.probes import heads, lines, panels
from secondlook.types import Run


def judged_values(run: Run) -> dict[str, Any]:
    """What the templates of both sections need; empty lists where a run has none."""
    found = [finding for finding in run.findings if finding.on_models]
    probes = run.invariance
    return {
        "model_cards": cards(found, run.pictures),
        "judged": bool(run.checks),
        "judged_text": _text(run),
        "probes": probes,
        "probe_chance": fmt.share(probes.chance),
        "probe_heads": heads(probes),
        "probe_lines": lines(probes),
        "probe_panels": panels(probes, run.chosen),
    }


def _text(run: Run) -> str:
    """What came of the checks of models, in a sentence."""
    found = [finding for finding in run.findings if finding.on_models]
    counts = {severity: n for severity, n in severity_counts(found).items() if n}
    said = fmt.listing([counted(n, severity) for severity, n in counts.items()]) if counts else "nothing was found"
    silent, muted = len(run.checks.get("silent", ())), run.checks.get("muted", ())
    codes = [code for code in muted if code.startswith("M")]
    return (
        f"What was found out about the models after the test images were opened: {said}; {silent:,} "
        f"check{'' if silent == 1 else 's'} found nothing" + (f"; muted: {', '.join(codes)}." if codes else ".")
    )
