"""Every reader of files on bytes that nobody wrote with it: read, or refused in one line.

The npz files of slots have more of this in test_files.py.
"""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from mec_gym import Instance, Scenario, load_policy
from mec_gym.benchmark import frozen
from mec_gym.io import digests
from mec_gym.io.digests import with_digest
from mec_gym.networks.tasks import Tasks
from mec_gym.policies.trained import TrainedPolicy, save_policy

CASES = 1000


def read_train_config(path):
    return pytest.importorskip("mec_gym.sb3.run.config").TrainConfig.from_toml(path)


def write_scenario(path):
    path.write_text(Scenario.preset("slack").to_toml(), encoding="utf-8")


def write_train_config(path):
    config = pytest.importorskip("mec_gym.sb3.run.config")
    path.write_text(config.TrainConfig().to_toml(), encoding="utf-8")


def write_tasks(path):
    path.write_text("bits;cycles;service\n2e5;5e8;camera\n3e5;1e9;7\n", encoding="utf-8")


def write_slots(path):
    Scenario.preset("paper").sample(1, 0).save(path)


def write_policy(path):
    scenario = Scenario(num_devices=2, num_servers=2, capacity=2)
    weight, bias = np.ones((2, 10), np.float32), np.ones(2, np.float32)
    save_policy(TrainedPolicy(scenario, "paper", ((weight, bias),), {"steps": 1}), path.parent)


def write_benchmark(path):
    slots = Scenario.preset("slack").sample(3, 0)
    proven = np.ones(3, dtype=bool)
    np.savez(path.parent / "slack.npz", **slots.arrays(), reference_delay=1.0 + proven)
    arrays = dict(np.load(path.parent / "slack.npz")) | {"reference_proven": proven}
    np.savez(path.parent / "slack.npz", **arrays)
    vouch(path.parent)


def vouch(directory):
    digests.write_manifest(directory, ["slack.npz"])


def read_vouched(path):
    """Read a benchmark whose manifest vouches for whatever its file has become."""
    vouch(path.parent)
    return frozen.load("slack", path.parent)


READERS = {
    "Scenario.from_toml": ("scenario.toml", write_scenario, Scenario.from_toml),
    "TrainConfig.from_toml": ("config.toml", write_train_config, read_train_config),
    "Tasks.of": ("tasks.csv", write_tasks, Tasks.of),
    "Instance.load": ("slots.npz", write_slots, Instance.load),
    "policy.json": ("policy.json", write_policy, lambda path: load_policy(path.parent)),
    "policy.safetensors": (
        "policy.safetensors",
        write_policy,
        lambda path: load_policy(path.parent),
    ),
    "benchmark": ("slack.npz", write_benchmark, lambda path: frozen.load("slack", path.parent)),
    "vouched benchmark": ("slack.npz", write_benchmark, read_vouched),
    "manifest.json": (
        "manifest.json",
        write_benchmark,
        lambda path: frozen.load("slack", path.parent),
    ),
}


def mutated(valid, rng):
    """Some bytes flipped, cut out, put in or doubled."""
    content = bytearray(valid)
    for _ in range(int(rng.integers(1, 4))):
        start, length = int(rng.integers(len(content) + 1)), int(rng.integers(1, 40))
        part = slice(start, start + length)
        kind = int(rng.integers(5))
        if kind == 0 and start < len(content):
            content[start] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del content[part]
        elif kind == 2:
            content[start:start] = rng.bytes(length)
        elif kind == 3:
            content[start:start] = content[part]
        else:  # what text files are made of
            content[part] = bytes(rng.choice(list(b'0123456789-+.eE_[]{}="\n ,nainf'), length))
    return bytes(content)


def read_or_refused(read, path):
    """Return whether a file is read; if not, check that it is refused by name, in one line."""
    try:
        read(path)
    except ValueError as error:
        said = str(error)
        assert str(path.parent) in said
        assert "\n" not in said
        assert len(said) < 3000
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_random_bytes_are_refused_by_name_in_one_line(tmp_path, name):
    file, write, read = READERS[name]
    path = tmp_path / file
    write(path)
    rng = np.random.default_rng(0)
    for case in range(CASES):
        path.write_bytes(rng.bytes(1 + int(rng.integers(1 + case))))
        # a few lone bytes, such as a newline, are a TOML file of defaults
        assert not read_or_refused(read, path) or path.suffix == ".toml"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_mutations_of_a_valid_file_are_read_or_refused_by_name_in_one_line(tmp_path, name):
    file, write, read = READERS[name]
    path = tmp_path / file
    write(path)
    valid = path.read_bytes()
    assert read_or_refused(read, path)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(CASES):
        path.write_bytes(mutated(valid, rng))
        refused += not read_or_refused(read, path)
    assert refused > CASES / 4


HUGE = "0x" + "f" * 20_000
ODD = ("nan", "inf", "-1", "0", "true", '"x"', "[]", "{}", "[nan, nan]", "1e400", "1979-05-27")
ODD += (HUGE, "-" + "1" * 4000, "1" * 5000, f'"{"y" * 100_000}"', "1e-320", "1.7e308", "10" * 8)
ODD += (
    "[" * 300 + "]" * 300,
    '"\\u0000"',
    '"/nowhere.toml"',
    "[[1, 2], [3, 4]]",
    "[1e-320, 1e308]",
)


@pytest.mark.parametrize("field", Scenario.model_fields)
def test_no_value_of_a_scenarios_field_breaks_its_reader(tmp_path, field):
    path = tmp_path / "scenario.toml"
    for value in ODD:
        path.write_text(f"{field} = {value}")
        read_or_refused(Scenario.from_toml, path)
        path.write_text(f"[scenario]\n{field} = {value}")
        read_or_refused(read_train_config, path)


@pytest.mark.slow
def test_no_value_of_a_training_field_breaks_its_reader(tmp_path):
    config = pytest.importorskip("mec_gym.sb3.run.config").TrainConfig
    path = tmp_path / "config.toml"
    for field in config.model_fields:
        for value in ODD:
            path.write_text(f"{field} = {value}")
            read_or_refused(config.from_toml, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 5000,
        '"a\\nb" = 1',
        "num_servers = 1_000_000_000_000_000",
        "num_devices = " + HUGE + '\nbandwidth_sharing = "equal"',
        'channel = {kind = "path-loss", side_m = 1e308}',
        'channel = {kind = "path-loss", device_positions_m = ['
        + "[1, 2], " * 5000
        + "], server_positions_m = ["
        + "[1, 2], " * 5000
        + "]}",
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("inside", [False, True])
def test_toml_made_to_exhaust_its_reader_is_refused(tmp_path, text, inside):
    path = tmp_path / "file.toml"
    path.write_text("[scenario]\n" * inside + text)
    assert not read_or_refused(read_train_config if inside else Scenario.from_toml, path)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"slack": ' * 100_000,
        b"[]",
        b"1",
        b'{"slack": 1}',
        b'{"slack": {"sha256": []}}',
        b'{"slack": {}}',
        b'{"slack": {"sha256": ' + b"1" * 5000 + b"}}",
    ],
    ids=lambda content: content[:12].decode(),
)
@pytest.mark.parametrize("name", ["manifest.json", "policy.json"])
def test_json_of_another_shape_is_refused(tmp_path, name, content):
    file, write, read = READERS[name]
    write(tmp_path / file)
    (tmp_path / file).write_bytes(content)
    assert not read_or_refused(read, tmp_path / file)


def resealed(directory, weights, **changes):
    """Give a policy other weights and entries, and vouch for them as whoever made it would."""
    (directory / "policy.safetensors").write_bytes(weights)
    manifest = json.loads((directory / "policy.json").read_bytes())
    manifest.pop("sha256_of_this")
    manifest |= {"sha256": hashlib.sha256(weights).hexdigest()} | changes
    (directory / "policy.json").write_bytes(with_digest(manifest))


GOOD = {"0.weight": np.ones((2, 10), np.float32), "0.bias": np.ones(2, np.float32)}


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"0.weight": GOOD["0.weight"]},
        {"0.bias": GOOD["0.bias"]},
        {"1.weight": GOOD["0.weight"], "1.bias": GOOD["0.bias"]},
        GOOD | {"0.weight": np.ones((2, 10), np.int64)},
        GOOD | {"0.weight": np.full((2, 10), np.nan, np.float32)},
        GOOD | {"0.bias": np.full(2, np.inf, np.float32)},
        GOOD | {"0.bias": np.ones((), np.float32)},
        GOOD | {"0.context": GOOD["0.weight"]},
        GOOD | {"0.weight": np.ones((0, 10), np.float32), "0.bias": np.ones(0, np.float32)},
    ],
    ids=lambda arrays: ", ".join(f"{name} {array.shape}" for name, array in arrays.items()),
)
def test_weights_that_are_vouched_for_but_make_no_network_are_refused(tmp_path, arrays):
    write_policy(tmp_path / "policy.json")
    resealed(tmp_path, safetensors.numpy.save(arrays))
    with pytest.raises(ValueError, match=str(tmp_path)):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    "entry", ["scenario", "observation", "training", "sha256", "sha256_before"]
)
@pytest.mark.parametrize("value", [None, 1, "x", [], {"x": 1}, {"num_devices": 10**400}])
def test_entries_that_are_vouched_for_but_of_another_kind_are_read_or_refused(
    tmp_path, entry, value
):
    write_policy(tmp_path / "policy.json")
    resealed(tmp_path, safetensors.numpy.save(GOOD), **{entry: value})
    read_or_refused(lambda path: load_policy(path.parent), tmp_path / "policy.json")


CLAIM = """
import pathlib, resource, sys
from mec_gym import Instance
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    Instance.load(sys.argv[1])
except ValueError as error:
    status = pathlib.Path("/proc/self/status").read_text()
    print(error, status.partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted as Linux does")
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, gain=np.zeros(1 << 22))
    held = ((1 << 22) * 8 + 128).to_bytes(4, "little")
    content = path.read_bytes()
    assert held in content
    path.write_bytes(content.replace(held, b"\xff\xff\xff\x7f"))  # 33 kB that claim 2 GiB
    done = subprocess.run(
        [sys.executable, "-c", CLAIM, str(path)], capture_output=True, text=True, check=True
    )
    said, _, kilobytes = done.stdout.strip().rpartition(" ")
    assert "the limit is" in said
    assert int(kilobytes) < 300_000


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for file, _, read in READERS.values():
        if read is read_vouched:
            continue
        path = tmp_path / file
        assert not read_or_refused(read, path)
        path.mkdir(exist_ok=True)
        assert not read_or_refused(read, path)
