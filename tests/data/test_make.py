from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import make_slash, read
from secondlook.data import slash
from secondlook.errors import UsageError
from secondlook.verbs import make as verb
from secondlook.verbs.make import make


@pytest.mark.parametrize("noise", [0, 0.25])
def test_the_written_file_reads_back_equal(tmp_path: Path, noise: float) -> None:
    path = make("slash", tmp_path / "out.npz", n=20, size=12, noise=noise, length=3, seed=5)
    written, made = read(path), make_slash(20, size=12, noise=noise, length=3, seed=5)
    assert_array_equal(written.pixels, made.pixels)
    assert written.pixels.dtype == made.pixels.dtype
    assert_array_equal(written.labels, made.labels)
    assert_array_equal(written.ids, made.ids)
    assert written.classes == made.classes
    assert written.fingerprint == made.fingerprint


def test_the_file_has_the_form_of_the_studys(tmp_path: Path) -> None:
    with np.load(make("slash", str(tmp_path / "out.npz"))) as archive:
        assert archive["x"].shape == (1000, 30, 30)
        assert archive["y"].tolist() == [0, 1] * 500
    assert (tmp_path / "out.npz").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"out\.npz exists already; give another name, or remove it first"):
        make("slash", path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_place_that_cannot_be_written_to_is_named_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(stream: IO[bytes], **_: object) -> None:
        stream.write(b"half")
        raise error

    monkeypatch.setattr(verb.np, "savez", refuse)
    message = rf"expected a place that can be written to, got .*out\.npz \({error.strerror}\)"
    with pytest.raises(UsageError, match=message):
        make("slash", tmp_path / "out.npz")
    assert list(tmp_path.iterdir()) == []


def test_wrong_parameters_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="slash: expected a length"):
        make("slash", tmp_path / "out.npz", length=99)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("what", "out", "parameters", "message"),
    [
        ("dots", "out.npz", {}, "expected one of slash to make, got 'dots'"),
        (
            "slash",
            "out.npz",
            {"colour": 1},
            "slash: expected parameters out of n, size, noise, length, seed, got 'colour'",
        ),
        ("slash", "out.csv", {}, r"expected a path that ends in \.npz, got .*out\.csv"),
        ("slash", "nowhere/out.npz", {}, r"expected an existing folder to write out\.npz into, got .*nowhere"),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(
    tmp_path: Path, what: str, out: str, parameters: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make(what, tmp_path / out, **parameters)
    assert list(tmp_path.iterdir()) == []


def test_the_generator_is_the_public_one() -> None:
    assert slash.make_slash is make_slash
