"""Directories as bytes and back."""

import io
import os
import zipfile

import pytest

from mec_gym.jobs import archives


def test_a_directory_comes_back_and_the_same_files_give_the_same_bytes(tmp_path):
    for number, place in enumerate((tmp_path / "one", tmp_path / "two")):
        (place / "deep").mkdir(parents=True)
        for name in ("b", "a", "deep/c")[:: 1 if number else -1]:
            (place / name).write_bytes(name.encode() * 1000)
        (place / ".lock").write_text("")
        os.utime(place / "a", (number, number))
    packed = archives.pack(tmp_path / "one", lambda path: path.name != ".lock")
    assert packed == archives.pack(tmp_path / "two", lambda path: path.name != ".lock")
    archives.unpack(packed, tmp_path / "three")
    found = sorted(
        p.relative_to(tmp_path / "three").as_posix() for p in (tmp_path / "three").rglob("*")
    )
    assert found == ["a", "b", "deep", "deep/c"]
    assert (tmp_path / "three" / "deep" / "c").read_bytes() == b"deep/c" * 1000


def test_nothing_lands_outside(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../outside", "x")
        archive.writestr("/outside", "x")
    archives.unpack(content.getvalue(), tmp_path / "in" / "side")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    with pytest.raises(ValueError, match="result: "):
        archives.unpack(b"no zip", tmp_path)
