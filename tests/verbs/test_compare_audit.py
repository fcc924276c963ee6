"""Every comparison audits its images first, and carries the findings into the table, the report and the run."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import secondlook as sl
from secondlook.errors import UsageError
from secondlook.judge.findings import DataContext
from secondlook.judge.registry import Check
from secondlook.types import Finding


def write_images(path: Path, n: int = 60) -> Path:
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.integers(0, 255, (n, 8, 8), dtype=np.uint8), y=np.arange(n) % 3)
    return path


def looked(context: DataContext) -> Finding:
    items = (*context.items([3, 1], group=0), *context.items([7]))
    return Finding(
        "D901", "3 images were looked at", "serious", {"images": 3, "train": 42}, "Look again.", tuple(items)
    )


def whole(context: DataContext) -> Finding | None:
    if context.split is None:
        return None
    return Finding("D902", f"{len(context.split.test)} images judge", "info", {}, "Nothing.")


CHECKS = (
    Check("D901", "Looks at three images.", lambda context: "", looked),
    Check("D902", "Counts the test part.", lambda context: "" if context.split else context.why_no_split, whole),
)


@pytest.fixture(scope="module", autouse=True)
def checks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secondlook.judge.findings.data_checks", lambda: CHECKS)
        yield


def run_main(words: list[str], folder: Path) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command in a folder."""
    from secondlook.cli import main

    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0), out.getvalue(), err.getvalue()


WORDS = ["compare", "images.npz", "--models", "majority", "--out", "r"]


@dataclass
class Made:
    """A comparison from the command line: its folder, and what the command said."""

    folder: Path
    code: int
    out: str
    err: str

    @property
    def run(self) -> sl.Run:
        return sl.load_run(self.folder / "r", verify=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("compared")
    write_images(folder / "images.npz")
    return Made(folder, *run_main(WORDS, folder))


def test_a_run_has_the_findings_of_an_audit_with_the_same_options(made: Made, tmp_path: Path) -> None:
    run = made.run
    alone = sl.audit(made.folder / "images.npz", out=tmp_path / "alone", quiet=True)
    assert run.findings == alone.findings
    assert [f.title for f in run.findings] == ["3 images were looked at", "9 images judge"]
    assert run.serious
    assert run.audit is not None
    assert run.audit.thumbnails.items.tolist() == [1, 3, 7]
    np.testing.assert_array_equal(run.audit.thumbnails.pixels, alone.thumbnails.pixels)
    assert run.audit.json() | {"audit": 0, "data": 0} == alone.json() | {"audit": 0, "data": 0}
    apart = {"seconds": 0, "source": 0}
    assert run.audit.data | apart == alone.data | apart


def test_the_findings_are_kept_in_the_run(made: Made) -> None:
    run = made.run
    document = json.loads((run.path / "run.json").read_text())
    assert document["findings"] == [f.json() for f in run.findings]
    assert document == json.loads(json.dumps(run.json())) | {"run": "r"}
    audit = json.loads((run.path / "audit.json").read_text())
    assert audit["findings"] == document["findings"]
    assert audit["audit"] == "r"


def test_the_report_needs_no_data_to_show_the_images_concerned(made: Made, tmp_path: Path) -> None:
    data = made.folder / "images.npz"
    hidden = data.rename(data.with_suffix(".away"))
    text = made.run.report(tmp_path / "r.html").read_text()
    hidden.rename(data)
    section = text[text.index('<section id="data">') : text.index('<section id="made">')]
    assert section.count("data:image/png;base64,") == 3
    assert text.index("Before you believe a number: ") < text.index("was chosen on validation")


def test_a_serious_finding_is_said_before_the_fits_below_the_table_and_by_the_exit_code(made: Made) -> None:
    assert made.code == 3
    assert made.err.index("D901 serious: 3 images were looked at") < made.err.index("1 model, ")
    assert made.out.splitlines()[-4:] == [
        "",
        "D901 serious 3 images were looked at",
        "1 note on the images: see the report",
        "r/report.html",
    ]
    again, out, _ = run_main([*WORDS, "--json"], made.folder)
    assert again == 3
    assert [f["code"] for f in json.loads(out)["findings"]] == ["D901", "D902"]


def test_a_muted_finding_is_nowhere_and_folds_have_no_test_part_to_judge(tmp_path: Path) -> None:
    write_images(tmp_path / "images.npz")
    code, out, err = run_main([*WORDS, "--cv", "2x1", "--mute", "d901"], tmp_path)
    assert code == 0
    assert "D90" not in out + err
    audit = sl.load_run(tmp_path / "r").audit
    assert audit is not None
    assert (audit.muted, audit.findings) == (("D901",), ())
    assert dict(audit.not_applicable) == {"D902": "every image is tested in folds"}
    kept = shlex.split(json.loads((tmp_path / "r" / "config.json").read_text())["command"])
    assert kept[kept.index("--mute") + 1] == "D901"
    code, _, err = run_main(kept[1:], tmp_path)
    assert code == 0
    assert "is finished already" in err
    code, _, err = run_main([*WORDS, "--cv", "2x1"], tmp_path)
    assert code == 2
    assert 'another configuration (mute was "D901", now "")' in err


def test_an_unknown_code_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected --mute with codes out of D901, D902, M101, .*, got 'D90'"):
        sl.compare("no such file", mute="D90", out=tmp_path / "r", quiet=True)
