"""Warnings of what can hardly be meant: what does warn, what does not, and that it does so once."""

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import mec_gym
from evaluate.__main__ import main
from mec_gym import PlausibilityWarning, Scenario, load_policy, plausibility
from mec_gym.channels import PathLossChannel
from mec_gym.commands import shell
from mec_gym.policies.trained import TrainedPolicy, save_policy
from mec_gym.presets import PRESETS

pytestmark = pytest.mark.filterwarnings("error::mec_gym.plausibility.PlausibilityWarning")

RNG = np.random.default_rng(0)
DEGREES = RNG.normal((144.96, -37.81), 0.01, (9, 2))
QUIET = {"noise_psd": 4e-21}
LOSS = {"kind": "path-loss"}


def in_degrees(table=DEGREES):
    return {"lat": table[:, 1], "lon": table[:, 0]}


SUSPECT = {
    "positions of servers in degrees": (
        QUIET | {"num_servers": 9, "channel": LOSS | {"server_positions_m": DEGREES}},
        [
            "channel.server_positions_m: (144.",
            "look like degrees",
            "as channel.sites",
            "lat and lon",
        ],
    ),
    "the other way round": (
        QUIET | {"channel": LOSS | {"device_positions_m": DEGREES[:, ::-1]}},
        ["channel.device_positions_m: (-37.", "look like degrees"],
    ),
    "a table whose degrees are called x and y": (
        QUIET | {"channel": LOSS | {"sites": {"x": DEGREES[:, 0], "y": DEGREES[:, 1]}}},
        ["channel.sites: (144.", "look like degrees", "call the columns lat and lon"],
    ),
    "tasks whose degrees are called x and y": (
        QUIET
        | {
            "channel": LOSS,
            "tasks": {"bits": [3e5] * 9, "cycles": [1e9] * 9}
            | {"x": DEGREES[:, 0], "y": DEGREES[:, 1]},
        },
        ["tasks: (144.", "call the columns lat and lon"],
    ),
    "a square in km": (
        QUIET | {"channel": LOSS | {"side_m": 0.5}},
        ["channel.side_m: 0.5", "further than 10 m", "are metres"],
    ),
    "places in km": (
        QUIET
        | {
            "channel": LOSS
            | {
                "server_positions_m": [(0.1, 0.2), (1.5, 2.5), (3, 1)],
                "device_positions_m": [(2, 1.5)],
            }
        },
        ["no device is further than 10 m from any server"],
    ),
    "sites beyond a square that was left as it is": (
        QUIET | {"channel": LOSS | {"sites": in_degrees()}},
        ["channel.side_m: 500", "9 servers are outside", "set side_m = "],
    ),
    "sites in another corner of the map": (
        QUIET
        | {
            "num_servers": 2,
            "capacity": 9,
            "channel": LOSS | {"server_positions_m": [(3e3, 3e3), (4e3, 4e3)]},
        },
        ["2 of 2 servers are outside", "from (3000, 3000) to (4000, 4000)", "move them"],
    ),
    "users beyond the square that servers are in": (
        QUIET | {"channel": LOSS | {"users": {"x": [900, 2000], "y": [1, 2]}}, "num_devices": 2},
        ["2 of 2 users are outside", "over which the servers are"],
    ),
    "users and sites that are apart": (
        QUIET
        | {
            "num_devices": 2,
            "channel": LOSS
            | {"sites": {"x": [0, 100], "y": [0, 100]}, "users": {"x": [9e3, 9.1e3], "y": [0, 90]}},
        },
        ["are 8,900 m apart", "same coordinates"],
    ),
    "the paper's noise with path loss": (
        {"channel": LOSS, "noise_psd": 1e-9},
        ["noise_psd: 1e-09", "no link faster than", "4e-21"],
    ),
    "noise given as a power": ({"channel": LOSS, "noise_w": 1e-3}, ["noise_w: 0.001"]),
    "a bandwidth in MHz": ({"bandwidth_hz": 20}, ["bandwidth_hz 20", "check the units"]),
    "a bandwidth in mHz": (
        {"bandwidth_hz": 1e12, "noise_w": 1e-3},
        ["half of the links are faster than", "check the units"],
    ),
    "GHz for Hz": ({"server_hz": 8.0}, ["server_hz: 8 cycles/s", "s alone", "Hz, not GHz"]),
    "GHz of each": (
        {"servers": "listed", "server_hz": (5, 6, 7)},
        ["server_hz: 6 cycles/s on average", "Hz, not GHz"],
    ),
    "work in millions of cycles": (
        {"task_cycles": (500.0, 2000.0)},
        ["tasks of 1250 cycles", "work is in CPU cycles"],
    ),
    "a table's work in millions of cycles": (
        {"tasks": {"bits": [3e5], "cycles": [900]}},
        ["tasks of 900 cycles"],
    ),
    "slots in ms": (
        {"slots": 9, "slot_s": 0.05},
        ["slot_s: 0.05, load 1", "grows by about", "raise slot_s or server_hz"],
    ),
}


@pytest.mark.parametrize("case", SUSPECT)
def test_what_can_hardly_be_meant_warns_with_field_value_and_remedy(case):
    fields, words = SUSPECT[case]
    with pytest.warns(PlausibilityWarning) as caught:
        Scenario(**fields)
    (said,) = [str(warning.message) for warning in caught]
    assert all(word in said for word in words), said
    assert "\n" not in said
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_warns(name):
    assert Scenario.preset(name).implausible == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"server_hz": 10e9},
        {"bandwidth_sharing": "equal"},
        {"channel": LOSS},
        {"channel": LOSS | {"side_m": 2000}},
        {"channel": LOSS | {"layout": "hexagonal"}, "num_servers": 7},
        {"channel": LOSS | {"clusters": 3}},
        {"channel": LOSS | {"sites": in_degrees(), "users": in_degrees()}},
        {"channel": LOSS | {"sites": in_degrees(), "side_m": 4000}},
        {"channel": LOSS | {"users": in_degrees(), "side_m": 4000}},
        {"channel": LOSS | {"server_positions_m": [(100, 100), (400, 120), (250, 400)]}},
        {"channel": LOSS | {"server_positions_m": [(1, 1), (40.5, 12.25), (25, 40)]}},
        {"channel": LOSS | {"correlation": 0.5}},
        {"slots": 9, "slot_s": 0.5},  # load 1.2, as in a rush hour
        {"slots": 9, "slot_s": 0.05, "drop_penalty_s": 2.0},
        {
            "channel": LOSS
            | {
                "sites": {"x": [320100.123, 320400.456], "y": [5812000.789, 5812300.125]},
                "users": {"x": [320200.1234, 320300.4567], "y": [5812100.7891, 5812200.1234]},
            }
        },
    ],
)
def test_what_can_be_meant_does_not(fields):
    Scenario(**QUIET | fields)


def warnings_of(work):
    """Return how many such warnings some work gives, and what it returns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = work()
    return sum(issubclass(each.category, PlausibilityWarning) for each in caught), made


def test_a_scenario_warns_when_it_is_made_or_read_and_not_when_it_is_handed_on(tmp_path):
    count, scenario = warnings_of(lambda: Scenario(server_hz=8.0))
    assert count == 1
    path = tmp_path / "network.toml"
    path.write_text(scenario.to_toml())
    assert warnings_of(lambda: Scenario.from_toml(path))[0] == 1
    assert warnings_of(lambda: Scenario.load(str(path)))[0] == 1
    assert warnings_of(lambda: Scenario.of(scenario.source))[0] == 1
    for work in (
        lambda: Scenario.of(scenario),
        lambda: scenario.replace(num_devices=4),
        lambda: scenario.replace(num_devices=4).replace(capacity=5),
        lambda: pickle.loads(pickle.dumps(scenario)),
        lambda: copy.deepcopy(scenario),
        lambda: scenario.sample(3, 0),
        lambda: scenario.label,
        lambda: gym.make("mec_gym:MEC-Offload-v0", scenario=scenario).reset(seed=0),
        lambda: gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=2, scenario=scenario).reset(seed=0),
    ):
        assert warnings_of(work)[0] == 0


def test_a_copy_warns_of_what_the_one_before_had_not():
    _, scenario = warnings_of(lambda: Scenario(server_hz=8.0))
    count, both = warnings_of(lambda: scenario.replace(bandwidth_hz=20))
    assert (count, set(both.implausible)) == (1, {"rate", "work"})
    assert warnings_of(lambda: both.replace(server_hz=8e9))[0] == 0
    assert warnings_of(lambda: Scenario().replace(server_hz=8.0))[0] == 1


def test_a_policy_that_is_read_does_not_warn_of_what_it_was_trained_for(tmp_path):
    _, scenario = warnings_of(
        lambda: Scenario(num_devices=2, num_servers=2, capacity=2, server_hz=8.0)
    )
    weights = ((np.ones((2, 10), np.float32), np.ones(2, np.float32)),)
    save_policy(TrainedPolicy(scenario, "paper", weights, {}), tmp_path)
    assert load_policy(tmp_path).scenario.implausible.keys() == {"work"}


def test_nothing_is_looked_at_where_all_that_decides_has_its_default(monkeypatch):
    monkeypatch.setattr(plausibility, "findings", lambda scenario: pytest.fail("it was"))
    Scenario()
    for name in ("paper", "slack", "large", "city"):
        Scenario.preset(name)


def test_of_a_large_network_some_links_are_looked_at(monkeypatch):
    drawn = []
    draw = PathLossChannel.draw

    def counted(channel, unit, *size):
        drawn.append(unit.size)
        return draw(channel, unit, *size)

    monkeypatch.setattr(PathLossChannel, "draw", counted)
    large = {"num_devices": 50_000, "num_servers": 1000, "capacity": 60, **QUIET}
    Scenario(channel=LOSS, **large)
    places = RNG.uniform(0, 500, (5000, 2))
    listed = LOSS | {"device_positions_m": places, "placement": "each"}
    Scenario(channel=listed, **large | {"num_devices": 5000})
    assert len(drawn) == 2
    assert max(drawn) <= 2 * 10**6


def test_the_name_is_public_and_a_user_warning():
    assert mec_gym.PlausibilityWarning is PlausibilityWarning
    assert issubclass(PlausibilityWarning, UserWarning)


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "network.toml"
    path.write_text("server_hz = 8.0\n")
    return str(path)


def test_a_command_prints_one_line_and_goes_on(network, capsys):
    flags = ["--scenario", network, "--policies", "roa", "--instances", "3"]
    assert main(flags) == 0
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("warning: server_hz: 8 cycles/s")
    assert "roa" in said.out


@pytest.mark.parametrize("command", ["evaluate", "plan", "train"])
def test_strict_makes_an_error_of_it(command, network, tmp_path, capsys):
    if command == "evaluate":
        status = main(["--scenario", network, "--policies", "roa", "--instances", "3", "--strict"])
    elif command == "plan":
        status = shell.main("plan", [network, "--out", str(tmp_path / "plan"), "--strict"])
        assert not (tmp_path / "plan").exists()
    else:
        train = pytest.importorskip("train.__main__")
        out = str(tmp_path / "run")
        status = train.main(["paper", "--scenario", network, "--out", out, "--strict"])
        assert not Path(out).exists()
    assert status == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert "server_hz: 8 cycles/s" in line


def test_python_shows_the_line_of_the_user_once(tmp_path):
    code = "from mec_gym import Scenario\nfor _ in range(3):\n    s = Scenario(server_hz=8.0)\n"
    (tmp_path / "mine.py").write_text(code)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "mine.py")], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("PlausibilityWarning") == 1
    assert "mine.py:3: PlausibilityWarning: server_hz" in done.stderr
