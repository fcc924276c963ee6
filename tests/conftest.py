from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from warm import shared_server

# A busy machine is no failure: speeds are the business of bench/. Each run draws other examples; a thorough one, with
# --hypothesis-profile thorough, draws as many as Hypothesis does by itself.
settings.register_profile("thorough", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("quick")

_caches = count()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("compiler") and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("needs a C++ compiler on the path")


@pytest.fixture(scope="session", autouse=True)
def warm_server() -> Iterator[None]:
    """All comparisons of a test process share one fork server, see `warm`."""
    with shared_server():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is not at hand."""
    if not (folder := os.environ.get("SECONDLOOK_DATA")):
        pytest.skip("set SECONDLOOK_DATA to the folder of real data to run this test")
    return Path(folder)


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache of its own; none touches the user's."""
    # Not among the folders of the tests, which pytest looks through each time it makes one.
    folder = tmp_path_factory.getbasetemp() / "caches" / str(next(_caches))
    folder.mkdir(parents=True)
    monkeypatch.setenv("SECONDLOOK_CACHE", str(folder))
    return folder
