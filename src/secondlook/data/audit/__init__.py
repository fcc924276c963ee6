"""What can be measured on a set of images before any training; `judge` says what it means."""

from __future__ import annotations

from secondlook.data.audit.measured import Measured as Measured
