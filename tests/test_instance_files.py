"""Instance files: read back as they were written, or refused."""

import gc
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import FIELDS, assert_same_slots, fields
from strategies import scenarios

from mec_gym import Instance, Scenario


@pytest.mark.slow
@given(scenarios(), st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=15)
def test_a_file_gives_back_the_same_bytes(tmp_path_factory, scenario, n, seed):
    path = tmp_path_factory.mktemp("npz") / "slots.npz"
    slots = scenario.sample(n, seed)
    slots.save(path)
    assert_same_slots(Instance.load(path), slots)


def test_the_file_has_exactly_the_name_that_was_asked_for(tmp_path):
    slot = Instance(**fields())
    slot.save(tmp_path / "slot.instance")
    assert [path.name for path in tmp_path.iterdir()] == ["slot.instance"]
    assert_same_slots(Instance.load(str(tmp_path / "slot.instance")), slot)


def refused(path):
    with pytest.raises(ValueError, match=r".") as caught:
        Instance.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(autouse=True)
def no_file_stays_open():
    """Collect what a test leaves, so that a file left open warns in that test and in no other."""
    gc.freeze()  # what was there before takes long to look through
    yield
    gc.collect()
    gc.unfreeze()


def test_a_pickled_object_in_the_file_is_refused_and_not_run(tmp_path, payload):
    path = tmp_path / "trap.npz"
    np.savez(path, **(fields() | {"gain": np.array([payload], dtype=object)}))
    refused(path)
    assert not payload.path.exists()
    np.load(path, allow_pickle=True)["gain"]
    assert payload.path.exists()  # the payload works where a reader unpickles


@pytest.mark.slow
def test_a_pickle_file_is_refused_and_not_run(tmp_path, payload):
    path = tmp_path / "trap.pkl"
    path.write_bytes(pickle.dumps(payload))
    refused(path)
    assert not payload.path.exists()


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut short", b"\x93NUMPY"])
def test_bytes_that_are_no_npz_file_are_refused(tmp_path, content):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    refused(path)


def test_a_lone_array_file_is_refused(tmp_path):
    path = tmp_path / "lone.npy"
    np.save(path, np.ones(3))
    refused(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "absent.npz")
    refused(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_array_is_refused(tmp_path, name):
    path = tmp_path / "slots.npz"
    np.savez(path, **{key: value for key, value in fields().items() if key != name})
    refused(path)


def test_an_array_too_many_or_a_bad_value_is_refused(tmp_path):
    np.savez(tmp_path / "more.npz", **fields(), colour=np.ones(2))
    refused(tmp_path / "more.npz")
    np.savez(tmp_path / "not the same.npz", **fields(), step_gain=np.ones((3, 3, 2)))
    refused(tmp_path / "not the same.npz")
    np.savez(tmp_path / "negative.npz", **(fields() | {"task_bits": -np.ones(3)}))
    refused(tmp_path / "negative.npz")


def test_a_member_that_is_no_array_is_refused(tmp_path):
    path = tmp_path / "slots.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in FIELDS:
            archive.writestr(f"{name}.npy", b"not an array")
    refused(path)


@pytest.mark.slow
def test_a_damaged_file_is_refused_or_read_as_it_was(tmp_path):
    path, slots = tmp_path / "slots.npz", Scenario().sample(2, 0)
    slots.save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read = Instance.load(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017  # most are refused, a few are harmless
        else:
            assert_same_slots(read, slots)


@pytest.mark.slow
def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    path = tmp_path / "slots.npz"
    Scenario().sample(1, 0).save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        refused(path)
