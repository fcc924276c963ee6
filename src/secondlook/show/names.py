"""Names that others chose (files, classes, labels), made harmless to look at.

Where a name is shown, characters that would not be seen, or would move what stands around them, are written as Python
writes them: a line break as ``\\n``, an escape sequence's first character as ``\\x1b``, a byte that is no UTF-8 as
``\\udce9``. Escaping for HTML is the template's matter; files for programs hold the names as they are.
"""

from __future__ import annotations

import re

# Controls, line and paragraph separators, marks that turn the direction of writing, halves of surrogate pairs.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with every character that cannot be seen, or that moves others, written out: ``a\\nb``."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def shortened(text: str, most: int) -> str:
    """A visible text of at most `most` characters; the middle gives way, since names differ at both ends."""
    text = visible(text)
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"
