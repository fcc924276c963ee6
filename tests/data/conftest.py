from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is not at hand."""
    if not (folder := os.environ.get("SECONDLOOK_DATA")):
        pytest.skip("set SECONDLOOK_DATA to the folder of real data to run this test")
    return Path(folder)


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Writes an image of one colour, or of given pixels, below tmp_path/photos; options go to Pillow's save."""

    def write(name: str, colour: Any = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB", **options: Any) -> Path:
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(colour) if isinstance(colour, np.ndarray) else Image.new(mode, size, colour)
        image.save(file, **options)
        return file

    return write
