"""A scenario whose tasks are rows of a table: what is drawn, and that files hold all of it."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import Scenario, observations
from mec_gym.channels import PathLossChannel
from mec_gym.envs.filling import Filling
from mec_gym.networks.tasks import Tasks
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies.trained import TrainedPolicy, load_policy, save_policy

RNG = np.random.default_rng(0)
TABLE = {"bits": RNG.uniform(1e5, 8e5, 20), "cycles": RNG.uniform(2e8, 1e9, 20)}
PLACES = {"x": RNG.uniform(-50, 900, 20), "y": RNG.uniform(0, 500, 20)}
CSV = "bits,cycles\n" + "".join(f"{b},{c}\n" for b, c in zip(*TABLE.values(), strict=True))
TABLED = Scenario(tasks=TABLE)
SITES = {"kind": "path-loss", "server_positions_m": [(100, 100), (400, 120), (250, 400)]}
PLACED = Scenario(tasks=TABLE | PLACES, channel=SITES, noise_psd=4e-21)
MORE = {
    "weight": RNG.uniform(0.5, 2, 20),
    "deadline": RNG.uniform(5, 9, 20),
    "service": [str(number) for number in RNG.integers(0, 3, 20)],
}
HOSTED = ((0, 1), (1, 2), (2, 0))
FULL = Scenario(tasks=TABLE | MORE, services=HOSTED, capacity=9)
WHOLE = PLACED.replace(tasks=TABLE | PLACES | MORE, services=HOSTED, fetch_delay_s=0.3, capacity=9)


def rows_of(slots, table=TABLE):
    """Return which row each task is, by its bits; its cycles must be those of the row."""
    rows = np.argmax(slots.task_bits[..., None] == table["bits"], axis=-1)
    assert (slots.task_bits == table["bits"][rows]).all()
    assert (slots.task_cycles == table["cycles"][rows]).all()
    return rows


def test_each_device_draws_a_row_as_likely_as_any_other_and_all_of_it():
    rows = rows_of(TABLED.sample(4000, seed=1))
    counts = np.bincount(rows.reshape(-1), minlength=20)
    expected = rows.size / 20
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()
    pairs = rows[:, 0] * 20 + rows[:, 1]  # devices are independent
    assert len(np.unique(pairs)) == 400


def test_a_task_takes_one_uniform_number_and_chooses_the_row_below_its_share():
    assert TABLED.num_uniforms == 27 + 9
    unit = np.full((1, 36), 0.5)
    unit[0, 27:] = np.array([0, 1, 2, 3, 4, 5, 6, 7, 19]) / 20 + 1e-9
    assert rows_of(TABLED.from_uniforms(unit)).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 19]]


def test_slots_are_the_same_drawn_at_once_or_one_by_one():
    at_once, rng = TABLED.sample(5, 3), np.random.default_rng(3)
    for slot in at_once:
        alone = TABLED.draw(1, rng)[0]
        assert all((array == alone.arrays()[name]).all() for name, array in slot.arrays().items())


def test_what_is_known_of_the_tasks_is_what_the_table_says():
    assert TABLED.ranges["task_bits"] == (TABLE["bits"].min(), TABLE["bits"].max())
    assert TABLED.task_cycles_range == (TABLE["cycles"].min(), TABLE["cycles"].max())
    assert TABLED.mean_sqrt_cycles == pytest.approx(np.sqrt(TABLE["cycles"]).mean())
    assert (TABLED.cycles_quantiles(20) == np.sort(TABLE["cycles"])).all()
    TABLED.check(TABLED.sample(50, 0))
    with pytest.raises(ValueError, match=r"task_bits goes from .* beyond the scenario's"):
        TABLED.check(Scenario(task_bits=9e5, task_cycles=5e8).sample(1, 0))


def test_ranges_give_way_to_a_table_and_a_table_to_ranges():
    assert (TABLED.task_bits, TABLED.task_cycles, TABLED.cycles_per_bit) == (None, None, None)
    for before in (Scenario(), Scenario(cycles_per_bit=700.0), TABLED):
        assert before.replace(tasks=TABLE) == TABLED
    assert TABLED.replace(task_bits=3e5) == Scenario(task_bits=3e5)
    assert TABLED.replace(cycles_per_bit=700.0) == Scenario(cycles_per_bit=700.0)
    assert TABLED.replace(num_devices=4) == Scenario(tasks=TABLE, num_devices=4)
    assert Scenario().replace(tasks=None) == Scenario()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tasks": TABLE, "task_bits": 3e5}, "tasks, task_bits: give one of the two"),
        ({"tasks": TABLE, "cycles_per_bit": 3.0}, "tasks, cycles_per_bit: give one of the two"),
        ({"task_bits": None}, "tasks, task_bits: give one"),
        ({"tasks": 5}, "tasks: 5 is neither"),
        ({"tasks": "nowhere.csv"}, "tasks: nowhere.csv: No such file"),
        ({"tasks": TABLE | {"bits": TABLE["bits"] * -1}}, "tasks: row 1: bits: .* too low"),
        ({"tasks": {"bits": [1]}}, "tasks: column 'cycles' is missing"),
        ({"tasks": {"bits": np.ones(100_001), "cycles": np.ones(100_001)}}, "100,000 at most"),
        ({"tasks": TABLE | PLACES}, "tasks: x, y are places, of which channel 'uniform'"),
        (
            {"tasks": TABLE | {"lat": [1.0] * 20, "lon": [1.0] * 20}, "channel": SITES},
            "tasks: lat, lon are degrees; give x, y",
        ),
        (
            {
                "tasks": TABLE | PLACES,
                "channel": SITES | {"device_positions_m": [(1, 1)]},
            },
            "channel.device_positions_m: the table of tasks has x, y already",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        Scenario(**fields)


def test_a_table_is_looked_for_beside_the_file_that_names_it(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "tasks.csv").write_text(CSV)
    path = tmp_path / "site" / "network.toml"
    path.write_text('tasks = "tasks.csv"\n')
    monkeypatch.chdir(tmp_path)
    assert Scenario.from_toml(path) == Scenario.from_toml("site/network.toml") == TABLED
    assert Scenario.of({"tasks": "site/tasks.csv"}) == TABLED
    assert Scenario(tasks=tmp_path / "site" / "tasks.csv") == TABLED
    with pytest.raises(ValueError, match=r"tasks: tasks.csv: No such file"):
        Scenario(tasks="tasks.csv")
    path.write_text('tasks = "other.csv"\n')
    with pytest.raises(ValueError, match=r"network.toml: tasks: .*other.csv: No such file"):
        Scenario.from_toml(path)


@pytest.mark.parametrize("scenario", [TABLED, PLACED, WHOLE], ids=["tabled", "placed", "whole"])
def test_what_is_written_holds_the_rows_and_needs_no_table(scenario, tmp_path):
    table = tmp_path / "tasks.csv"
    arrays = scenario.tasks.arrays()
    rows = zip(*(array.tolist() for array in arrays.values()), strict=True)
    lines = [",".join(arrays), *(",".join(map(str, row)) for row in rows)]
    table.write_text("\n".join(lines))
    read = scenario.replace(tasks=table)
    table.write_text("bits,cycles\n1,1\n")
    path = tmp_path / "written.toml"
    path.write_text(read.to_toml())
    assert Scenario.from_toml(path) == Scenario.of(json.loads(json.dumps(read.source))) == scenario
    assert hash(Scenario.from_toml(path)) == hash(scenario)
    assert pickle.loads(pickle.dumps(read)) == copy.deepcopy(read) == scenario
    assert str(tmp_path) not in read.to_toml()
    drawn, before = Scenario.from_toml(path).sample(3, 0), scenario.sample(3, 0)
    assert all((drawn.arrays()[name] == array).all() for name, array in before.arrays().items())


def test_one_row_that_differs_is_another_scenario():
    other = TABLE | {"cycles": TABLE["cycles"] + np.eye(20)[7]}
    assert Scenario(tasks=other) != TABLED
    assert hash(Scenario(tasks=other)) != hash(TABLED)
    assert Scenario() != TABLED != Scenario()


def test_a_policys_files_hold_the_table(tmp_path):
    scenario = TABLED.replace(num_devices=2, num_servers=2, capacity=2)
    weights = ((np.ones((2, 10), np.float32), np.ones(2, np.float32)),)
    save_policy(TrainedPolicy(scenario, "paper", weights, {}), tmp_path)
    assert load_policy(tmp_path).scenario == scenario


def test_without_a_table_nothing_is_written_of_it():
    assert "tasks" not in Scenario().to_toml()
    assert "tasks" not in Scenario(num_devices=4).source


def test_with_places_each_device_stands_where_its_row_says():
    quiet = PLACED.replace(channel=PathLossChannel(**SITES, shadowing_db=0, fading="none"))
    slots = quiet.sample(20, 0)
    rows = rows_of(slots)
    places = np.stack([PLACES["x"][rows], PLACES["y"][rows]], axis=-1)
    distance = np.linalg.norm(places[..., None, :] - np.array(SITES["server_positions_m"]), axis=-1)
    loss = 15.3 + 37.6 * np.log10(np.maximum(distance, 10))
    np.testing.assert_allclose(slots.gain, 10 ** (-loss / 10), rtol=1e-12)
    quiet.check(slots)


def test_gains_at_places_are_those_of_the_channel_that_draws_these_places():
    given = PLACED.channel.replace(device_positions_m=np.stack([*PLACES.values()], axis=-1))
    unit = np.random.default_rng(0).random((6, PLACED.num_uniforms))
    number = given.num_uniforms(9, 3)
    channel, tasks = unit[:, :number].copy(), unit[:, number : number + 9]
    channel[:, :18:2] = tasks
    expected = given.draw(channel, 9, 3)[:, 0]
    assert (PLACED.from_uniforms(unit).gain == expected).all()
    assert PLACED.radio.gain_range == given.gain_range != PLACED.channel.gain_range


@pytest.mark.parametrize("scenario", [FULL, WHOLE], ids=["full", "whole"])
def test_weight_deadline_and_service_are_those_of_the_row(scenario):
    slots = scenario.sample(200, 0)
    rows = rows_of(slots)
    assert (slots.delay_weight == MORE["weight"][rows]).all()
    assert (slots.deadline_s == MORE["deadline"][rows]).all()
    otherwise = np.inf if scenario.fetch_delay_s is None else scenario.fetch_delay_s
    hosts = [[0.0 if int(s) in hosted else otherwise for hosted in HOSTED] for s in MORE["service"]]
    assert (slots.fetch_delay_s == np.array(hosts)[rows]).all()
    scenario.check(slots)
    assert scenario.option_ranges["deadline_s"] == (MORE["deadline"].min(), MORE["deadline"].max())
    assert scenario.num_uniforms == scenario.channel.num_uniforms(9, 3) + 9
    weighted = MORE["weight"] * TABLE["cycles"]
    assert scenario.mean_sqrt_cycles == pytest.approx(np.sqrt(weighted).mean())
    assert (scenario.cycles_quantiles(20) == np.sort(weighted)).all()


def test_a_field_for_what_the_table_does_not_say_is_drawn_beside_it():
    scenario = TABLED.replace(delay_weight=(1.0, 2.0), deadline_s=9.0)
    slots = scenario.sample(300, 0)
    rows_of(slots)
    assert len(np.unique(slots.delay_weight)) == 2700
    assert scenario.mean_sqrt_cycles == pytest.approx(
        np.sqrt(slots.delay_weight * slots.task_cycles).mean(), rel=0.02
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"delay_weight": 2.0}, "delay_weight: the table of tasks has a column 'weight'"),
        ({"deadline_s": 2.0}, "deadline_s: the table of tasks has a column 'deadline'"),
        ({"services": None}, "tasks: each has a service, but no server is said to host any"),
        ({"services": ((0,), (1,), (0,))}, "tasks: service '2' is hosted by no server; give fetch"),
        (
            {"tasks": TABLE | {"service": ["cam"] * 20}, "services": HOSTED},
            "tasks: service 'cam' is hosted by no server; give its number",
        ),
    ],
)
def test_what_a_table_says_twice_or_no_server_hosts_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        FULL.replace(**fields)


def test_a_service_that_no_server_hosts_is_fetched_where_it_can_be():
    scenario = FULL.replace(services=((0,), (1,), (0,)), fetch_delay_s=0.2)
    slots = scenario.sample(50, 0)
    asked = np.array(MORE["service"])[rows_of(slots)]
    assert (slots.fetch_delay_s[asked == "2"] == 0.2).all()


def test_a_service_is_the_number_that_is_written_however_long():
    long = "9" * 30
    scenario = FULL.replace(tasks=TABLE | {"service": ["01", long] * 10}, fetch_delay_s=0.2)
    slots = scenario.sample(50, 0)
    is_first = rows_of(slots) % 2 == 0
    assert (slots.fetch_delay_s[is_first] == [0.0, 0.0, 0.2]).all()
    assert (slots.fetch_delay_s[~is_first] == 0.2).all()
    assert FULL.replace(tasks=TABLE | {"service": ["01"] * 20}).sample(1, 0).fetch_delay_s.max() > 0
    with pytest.raises(ValueError, match=f"tasks: service '{long}' is hosted by no server"):
        scenario.replace(fetch_delay_s=None)


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize(
    "scenario", [TABLED, PLACED, FULL, WHOLE], ids=["tabled", "placed", "full", "whole"]
)
def test_a_batch_plays_what_single_environments_play(scenario, observation):
    kwargs = {"scenario": scenario.source, "observation": observation, "reward": "regret"}
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=3, **kwargs)
    alone = [gym.make("mec_gym:MEC-Offload-v0", **kwargs) for _ in range(3)]
    seen, _ = batch.reset(seed=5)
    for row, env in enumerate(alone):
        assert (env.reset(seed=5 + row)[0] == seen[row]).all()
    rng = np.random.default_rng(0)
    for _ in range(3 * 9):
        actions = rng.integers(0, 3, 3)
        seen, reward, done, _, infos = batch.step(actions)
        for row, env in enumerate(alone):
            shown, earned, ended, _, info = env.step(actions[row])
            assert (earned, ended) == (reward[row], done[row])
            if ended:
                last = infos["final_info"]
                assert info.keys() == {key for key in last if not key.startswith("_")}
                assert all((last[key][row] == value).all() for key, value in info.items())
                shown, _ = env.reset()
            assert (shown == seen[row]).all()
            assert env.observation_space.contains(shown)


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_the_loops_that_know_ranges_alone_leave_tables_to_the_scenario(observation):
    for scenario, known in ((TABLED, False), (Scenario(), True)):
        observer = observations.make(observation, scenario)
        # A plan is worked out of whole slots, which the loops do not make.
        assert (Filling.of(scenario, observer) is not None) == (known and observation != "prices")


def test_a_slot_listed_has_the_table_row_by_row():
    network = PLACED.replace(num_devices=20, capacity=7)
    slot = network.listed(np.random.default_rng(3))
    assert rows_of(slot).tolist() == list(range(20))
    assert slot.batch_shape == ()
    for scenario in (TABLED, Scenario()):
        with pytest.raises(ValueError, match=r"tasks: .* needs 9 rows, one a device"):
            scenario.listed(np.random.default_rng(3))


def test_a_table_object_is_taken_as_it_is():
    tasks = Tasks.of(TABLE)
    assert Scenario(tasks=tasks).tasks is tasks


def test_a_runs_configuration_holds_the_rows(tmp_path):
    config = pytest.importorskip("mec_gym.sb3.run.config")
    (tmp_path / "tasks.csv").write_text(CSV)
    path = tmp_path / "training.toml"
    path.write_text('[scenario]\ntasks = "tasks.csv"\n')
    read = config.TrainConfig.from_toml(path)
    assert read.scenario == TABLED
    (tmp_path / "tasks.csv").unlink()
    path.write_text(read.to_toml())
    assert config.TrainConfig.from_toml(path) == read
