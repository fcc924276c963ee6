"""Findings of models: one file per family.

answers    M101 M102 M106        learning  M103 M104 M105 M107        sureness  M108        rivals  M109 M110
"""

from __future__ import annotations

from secondlook.judge.findings.models.context import ModelsContext as ModelsContext
