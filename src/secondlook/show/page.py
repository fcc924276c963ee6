"""What every page shares: its templates, its style, and how it is written."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from secondlook.runs.files import write_atomically

if TYPE_CHECKING:
    import jinja2


@cache
def templates() -> jinja2.Environment:
    """The templates of this package; every value is escaped, and one that is missing is an error."""
    import jinja2

    from secondlook.show.names import visible

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("secondlook.show"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["visible"] = visible
    environment.filters["path"] = _path
    return environment


def _path(name: str) -> Markup:
    """A file's name that may go on in the next line after a slash; what is copied from the page is the name alone."""
    from secondlook.show.names import visible

    return Markup("/<wbr>").join(visible(name).split("/"))


def style(*names: str, **values: str) -> Markup:
    """The contents of style sheets, one after the other."""
    # Our own files, and no </style> in them: safe as they stand.
    return Markup("\n".join(templates().get_template(name).render(**values) for name in names))


def write_page(path: Path, text: str) -> Path:
    """Writes a page: it is whole or it is not there. Its folder is made where it is missing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Names that are no UTF-8 have surrogates, which no file can hold: they are written out.
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8", errors="backslashreplace"))
    return path
