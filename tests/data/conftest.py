from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


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
