"""The measurements of one set, each made once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from secondlook.types import ImageSet

if TYPE_CHECKING:
    from secondlook.data.audit.copies import Copies
    from secondlook.data.audit.near import Near
    from secondlook.data.audit.shortcuts import Shortcut
    from secondlook.data.audit.statistics import Statistics


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on the images of a set, whatever its split.

    Attributes:
        images: the set.
    """

    images: ImageSet

    @cached_property
    def copies(self) -> Copies:
        """Items with identical bytes."""
        from secondlook.data.audit.copies import copies

        return copies(self.images)

    @cached_property
    def near(self) -> Near:
        """Items that are not identical, but show the same picture."""
        from secondlook.data.audit.near import near

        return near(self.images)

    @cached_property
    def statistics(self) -> Statistics:
        """Brightness, contrast and the like of every image."""
        from secondlook.data.audit.statistics import statistics

        return statistics(self.images)

    @cached_property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        """What gives the class away without a look at the picture, the most telling first."""
        from secondlook.data.audit.shortcuts import shortcuts

        return shortcuts(self.images, self.statistics)
