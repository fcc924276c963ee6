"""Mistakes as a table and as a folder of images: safe names, whole or not at all, never over what is not ours."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_mistakes import build_mistakes
from PIL import Image

from secondlook.errors import UsageError
from secondlook.show import mistakes_files
from secondlook.show.mistakes_files import check_out, file_names, safe, write_out


def write(found, path):
    return write_out(found, check_out(path))


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_table_holds_all_rows(tmp_path):
    found = build_mistakes(top=1)
    table = pd.read_csv(write(found, tmp_path / "deep" / "m.csv"), dtype=str)
    assert len(table) == len(found) == 120
    assert table["name"].tolist() == list(found.names)
    assert table["says knn"].tolist() == [found.classes[c] for c in found.said[:, 1]]
    assert table["nearest_1"].tolist() == [found.nearest_of(i)[0][0] for i in range(len(found))]


def test_a_folder_holds_every_image_under_its_given_class_and_a_table_of_them(tmp_path):
    found = build_mistakes(shape=(6, 5, 1))
    folder = write(found, tmp_path / "out")
    table = pd.read_csv(folder / "mistakes.csv", dtype=str)
    assert {*table["file"], "mistakes.csv"} == set(tree(folder))
    for i, row in enumerate(table.to_dict("records")):
        assert re.fullmatch(
            rf"given-{row['given']}/{row['part']}-\d\d\d-says-{row['answer']}-(1\.00|\.\d\d)-.*\.png", row["file"]
        )
        np.testing.assert_array_equal(np.asarray(Image.open(folder / row["file"])), found.pixels(i)[..., 0])


def test_colours_and_fractions_are_written_too(tmp_path):
    found = build_mistakes(n=2, shape=(6, 5, 3))
    folder = write(found, tmp_path / "colour")
    first = pd.read_csv(folder / "mistakes.csv")["file"][0]
    np.testing.assert_array_equal(np.asarray(Image.open(folder / first)), found.pixels(0))
    grey = build_mistakes(n=1, parts=("test",), _pixels=lambda item: np.full((4, 4, 1), 0.5, np.float32))
    folder = write(grey, tmp_path / "grey")
    assert np.asarray(Image.open(folder / pd.read_csv(folder / "mistakes.csv")["file"][0])).tolist() == [[128] * 4] * 4


def test_so_many_of_each_class_as_were_asked_for(tmp_path):
    folder = write(build_mistakes(n=100, top=2, shape=(4, 4, 1)), tmp_path / "out")
    assert len(pd.read_csv(folder / "mistakes.csv")) == 40


def test_without_images_the_table_stands_alone(tmp_path):
    folder = write(build_mistakes(seen=False, near=False), tmp_path / "out")
    assert set(tree(folder)) == {"mistakes.csv"}
    assert pd.read_csv(folder / "mistakes.csv")["file"].isna().all()


def test_a_folder_of_ours_is_replaced_and_nothing_of_it_stays(tmp_path):
    write(build_mistakes(n=30, shape=(4, 4, 1)), tmp_path / "out")
    write(build_mistakes(n=2, shape=(4, 4, 1), seed=1), tmp_path / "out")
    write(build_mistakes(n=2, shape=(4, 4, 1), seed=1), tmp_path / "new")
    assert tree(tmp_path / "out") == tree(tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in (tmp_path / "new").iterdir())


@pytest.mark.parametrize(
    ("name", "why"),
    [("given-0/mine.png", "given-0/mine.png"), ("notes.txt", "notes.txt"), ("mistakes.csv", "mistakes.csv")],
)
def test_what_is_not_ours_is_refused_and_left_alone(tmp_path, name, why):
    out = tmp_path / "out"
    if name != "mistakes.csv":
        write(build_mistakes(n=3), out)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    before = tree(out)
    if name == "mistakes.csv":  # a table of another kind is not ours to replace
        with pytest.raises(UsageError, match="holds something else"):
            check_out(out)
    else:
        with pytest.raises(UsageError, match=rf"expected --out to be new or .*out holds something else \({why}\)"):
            check_out(out)
    assert tree(out) == before


def test_pages_and_tables_of_others_are_not_overwritten_and_ours_are(tmp_path):
    found = build_mistakes(n=2)
    for name, kind in (("m.html", "page"), ("m.csv", "table")):
        path = tmp_path / name
        write(found, path)
        write(found, path)
        path.write_text("given,answer\nmine,mine\n")
        with pytest.raises(UsageError, match=f"m.{name[2:]} is another {kind}"):
            check_out(path)
        path.unlink()
        path.mkdir()
        with pytest.raises(UsageError, match="is a folder"):
            check_out(path)


@pytest.mark.parametrize("name", ["m.json", "m.png", "m.PDF"])
def test_other_files_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"expected --out as NAME\.html, NAME\.csv or a folder, got"):
        check_out(tmp_path / name)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"expected --out as NAME\.html"):
        check_out(tmp_path / "file")


def test_a_folder_is_whole_or_not_there(tmp_path, monkeypatch):
    found = build_mistakes(n=5, shape=(4, 4, 1))
    write(found, tmp_path / "old")
    before = tree(tmp_path / "old")
    written = mistakes_files._write_image

    def full(path, pixels):
        if path.name.startswith("train-001"):
            raise OSError(28, "No space left on device")
        return written(path, pixels)

    monkeypatch.setattr(mistakes_files, "_write_image", full)
    for place in ("old", "new"):
        with pytest.raises(
            UsageError, match=f"cannot write to .*{place} \\(No space left on device\\); choose another"
        ):
            write(found, tmp_path / place)
    assert tree(tmp_path / "old") == before
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_looked_into_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.csv"
    write(build_mistakes(n=2), path)
    monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(UsageError, match=r"cannot write to .*m.csv \(Permission denied\); choose another --out"):
        check_out(path)


def test_a_table_that_was_edited_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "mine.png").write_text("mine")
    out = write(build_mistakes(n=1, parts=("test",)), tmp_path / "out")
    table = out / "mistakes.csv"
    table.write_text(table.read_text().replace("given-", "../mine.png#given-", 1).split("#")[0])
    (out / "mistakes.csv").write_text("part,item,id,name,given,answer,file\ntest,0,a,b,0,1,../mine.png\n")
    for picture in out.rglob("*.png"):
        picture.unlink()
    write(build_mistakes(n=1, parts=("test",)), out)
    assert (tmp_path / "mine.png").read_text() == "mine"


@given(st.text(max_size=200))
def test_a_safe_name_is_one_name_on_every_system(text):
    found = safe(text)
    assert 0 < len(found) <= 60
    assert not set(found) & set('/\\:*?"<>|\n\0 ')
    assert found[0] != "."
    found.encode()


def test_classes_whose_safe_names_agree_have_folders_of_their_own():
    found = build_mistakes(n=40, classes=("a/b", "a b", "A-B", "a-b-2", "", "."), parts=("test",))
    names = file_names(found, list(range(40)))
    assert len({name.lower() for name in names}) == 40
    folders = {(int(found.given[i]), name.split("/")[0].lower()) for i, name in enumerate(names)}
    assert len({folder for _, folder in folders}) == len({c for c, _ in folders}) == len(folders)
