"""Reading npz files that nobody vouches for: no code is run, no claim is believed."""

import io
import os
import zipfile

import numpy as np
import pytest

from mec_gym import Instance, Scenario
from mec_gym.io.files import read_npz, replace_file


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def header(shape, dtype="<f8"):
    buffer = io.BytesIO()
    described = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", "?", "c16", ">f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_arrays_of_numbers_come_back_as_they_were(dtype, shape):
    array = np.random.default_rng(0).integers(2, size=shape).astype(dtype)
    columns = np.asfortranarray(array)
    read = read_npz(npz(rows=array, columns=columns))
    assert read["rows"].dtype == array.dtype
    np.testing.assert_array_equal(read["rows"], array)
    np.testing.assert_array_equal(read["columns"], array)


def test_an_object_array_is_refused_and_its_code_never_run(tmp_path, payload):
    objects = npz(task_bits=np.array([payload], dtype=object))
    with pytest.raises(ValueError, match="objects are never unpickled"):
        read_npz(objects)
    (tmp_path / "slots.npz").write_bytes(objects)
    with pytest.raises(ValueError, match="not an instance file"):
        Instance.load(tmp_path / "slots.npz")
    assert not payload.path.exists()
    np.load(io.BytesIO(objects), allow_pickle=True)["task_bits"]
    assert payload.path.exists()  # the payload works where a reader unpickles


def test_a_claim_of_more_than_there_is_takes_no_memory():
    with pytest.raises(ValueError, match=r"has 80 bytes for .* of shape \(1000000000000,\)"):
        read_npz(archive(gain=header((10**12,)) + bytes(80)))


def test_a_file_that_expands_beyond_the_limit_is_refused_before_it_does():
    bomb = archive(gain=header((1 << 21,)) + bytes(8 << 21))
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match="the limit is 1,000,000"):
        read_npz(bomb, limit=1_000_000)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for _ in range(2):
            file.writestr("gain.npy", header((0,)))
    with pytest.raises(ValueError, match="twice"):
        read_npz(buffer.getvalue())


def test_two_thousand_mutations_of_an_instance_load_or_are_refused_in_one_line(tmp_path):
    path = tmp_path / "slots.npz"
    Scenario.preset("paper").sample(2, 0).save(path)
    valid = path.read_bytes()
    rng = np.random.default_rng(1)
    refusals = []
    for _ in range(2000):
        content = bytearray(valid)
        for _ in range(int(rng.integers(1, 4))):
            start, length = (int(number) for number in rng.integers((len(content), 40)))
            kind = int(rng.integers(4))
            if kind == 0:
                content[start] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                del content[start : start + length + 1]
            elif kind == 2:
                content[start:start] = rng.bytes(length + 1)
            else:
                content[start:start] = content[start : start + length + 1]
        path.write_bytes(content)
        try:
            assert len(Instance.load(path)) == 2
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 1900
    assert all(said.startswith(f"{path}: ") and "\n" not in said for said in refusals)


def test_a_file_that_cannot_be_written_leaves_the_one_before_and_nothing_else(
    tmp_path, monkeypatch
):
    path = tmp_path / "policy.json"
    path.write_bytes(b"before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
