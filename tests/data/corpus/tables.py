"""Manifests and Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from corpus.case import Case, cut, encoded, equals, noise, photos, save


def manifest(text: str, name: str = "set.csv", encoding: str = "utf-8") -> Callable[[Path], Path]:
    """A sound set of photos with a table beside it."""

    def make(folder: Path) -> Path:
        photos(folder / "images")
        (folder / name).write_bytes(text.encode(encoding))
        return folder / name

    return make


def rows(*more: str, sep: str = ",", head: str = "path,label") -> str:
    """The table of the sound set, and lines more."""
    lines = [f"images/{name}/{i}.png{sep}{name}" for name in ("cat", "dog") for i in range(4)]
    return "\n".join([head.replace(",", sep), *lines, *more]) + "\n"


def parquet(folder: Path, columns: dict[str, Any], metadata: dict[str, Any] | None = None) -> Path:
    """A Parquet file, with the metadata that `datasets` writes."""
    table = pa.table(columns)
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    pq.write_table(table, folder / "data.parquet")
    return folder / "data.parquet"


HF = {
    "info": {
        "features": {
            "image": {"_type": "Image"},
            "label": {"names": ["dog", "cat"], "_type": "ClassLabel"},
        }
    }
}


def hugging_face(folder: Path) -> Path:
    images = [
        {"bytes": encoded("PNG", Image.fromarray(noise(12, 12, 3, of=str(i)))), "path": f"{i}.png"} for i in range(6)
    ]
    return parquet(folder, {"image": images, "label": [0, 1, 0, 1, 0, 1]}, HF)


def hugging_face_with_holes(folder: Path) -> Path:
    images: list[Any] = [{"bytes": encoded("PNG"), "path": "0.png"}, None, {"bytes": b"broken", "path": "2.png"}]
    images += [{"bytes": encoded("BMP"), "path": None}]
    return parquet(folder, {"image": images, "label": [0, 1, 0, 1]}, HF)


def parts_and_groups(folder: Path) -> Path:
    lines = [f"images/{n}/{i}.png,{n},{'test' if i == 3 else 'train'},g{i}" for n in ("cat", "dog") for i in range(4)]
    return manifest("\n".join(["path,label,split,group", *lines]) + "\n")(folder)


def absolute(folder: Path) -> Path:
    secret = save(folder / "elsewhere/own.png")
    return manifest(rows(f"{secret},cat"))(folder)


def group_of_each(images: Any) -> None:
    assert images.groups.tolist() == ["g0", "g1", "g2", "g3"] * 2
    assert images.parts.tolist() == ["train", "train", "train", "test"] * 2


CASES = [
    Case("a CSV of path and label", manifest(rows()), 8),
    Case("a TSV", manifest(rows(sep="\t"), "set.tsv"), 8),
    Case("a CSV with semicolons and a byte order mark", manifest(rows(sep=";"), encoding="utf-8-sig"), 8),
    Case("a CSV in UTF-16", manifest(rows(), encoding="utf-16"), 8),
    Case("a CSV with other names for its columns", manifest(rows(head="File_Name,Class")), 8),
    Case("a CSV with lines of Windows", manifest(rows().replace("\n", "\r\n")), 8),
    Case("a CSV with parts and groups", parts_and_groups, 8, check=group_of_each),
    Case(
        "a CSV that names a file that is not there",
        manifest(rows("images/cat/99.png,cat")),
        8,
        faults=[("99.png", "missing")],
    ),
    Case(
        "a CSV with a line that is too short", manifest(rows("images/cat/0.png")), 8, faults=[("set.csv:10", "broken")]
    ),
    Case(
        "a CSV with an item without a label",
        manifest(rows("images/cat/0.png,")),
        9,
        check=lambda i: equals(1)((i.labels < 0).sum()),
    ),
    Case(
        "a CSV that names a page in the net",
        manifest(rows("https://example.org/a.png,cat")),
        8,
        faults=[("a.png", "missing")],
    ),
    Case("a CSV with an absolute path of the user's own", absolute, 9),
    Case("a CSV with a header only", manifest("path,label\n"), error="set.csv"),
    Case("a CSV without the columns", manifest("a,b\n1,2\n"), error="set.csv.*expected.*got"),
    Case("an empty CSV", manifest(""), error="set.csv"),
    Case("bytes called csv", manifest("\0\1\2" * 50), error="set.csv"),
    Case("Parquet as Hugging Face writes it", hugging_face, 6, ("dog", "cat")),
    Case(
        "Parquet with a null and a broken image",
        hugging_face_with_holes,
        2,
        ("dog", "cat"),
        faults=[("data.parquet", "broken"), ("data.parquet", "broken")],
    ),
    Case("Parquet without its end", cut(hugging_face), error="data.parquet"),
    Case(
        "Parquet of other things", lambda f: parquet(f, {"a": [1, 2], "b": ["x", "y"]}), error="data.parquet.*expected"
    ),
]
