"""What of a user's own is not what it says is refused before anything is played, in one line."""

import math
import sys
import types

import gymnasium as gym
import numpy as np
import pytest
from pydantic import Field

import mec_gym
from mec_gym import policies
from mec_gym.benchmark.comparison import compare
from mec_gym.channels import Channel, UniformChannel
from mec_gym.observations import (
    Observation,
    PaperObservation,
    PricesObservation,
    ServersObservation,
    SIObservation,
    make,
)
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.agent.losses import Loss
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

SLACK = mec_gym.Scenario.preset("slack")


def refused(call, *arguments, **named):
    """The one line with which something is refused."""
    with pytest.raises(ValueError, match=r"\w: ") as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def writes_sqrt_load(slot, device, server):
    slot.sqrt_load[server] = 0.0
    return -1.0


def writes_a_copy(slot, device, server):
    load = slot.load[:]  # of a list a copy, of an array a view
    load[server] += 1
    return -1.0 * load[server]


def adds_lists(slot, device, server):
    return -1.0 * (slot.load + slot.load)[server]


def whole_power(slot, device, server):
    return -((slot.load[server] + 2) ** -1)


def divides_by_places(slot, device, server):
    return -1 / (slot.capacity[server] - slot.load[server])


def draws(slot, device, server):
    return -np.random.random()  # noqa: NPY002


def looks_beyond(slot, device, server):
    return -slot.server_hz[server + 1]


def gives_nan(slot, device, server):
    return math.nan if device == 1 else -1.0


def gives_none(slot, device, server):
    return None


@pytest.mark.parametrize(
    ("reward", "says"),
    [
        (writes_sqrt_load, "changes the slot"),
        (divides_by_places, "ZeroDivisionError"),
        (looks_beyond, "IndexError"),
        (gives_nan, "returned nan"),
        (gives_none, "TypeError"),
        (lambda slot: -1.0, "is not a function of slot, device and server"),
    ],
)
def test_a_reward_that_fails_somewhere_is_refused_by_single_and_batch(reward, says):
    for call in (gym.make, gym.make_vec):
        said = refused(call, "MEC-Offload-v0", reward=reward)
        assert said.startswith("reward: ")
        assert says in said


@pytest.mark.slow
@pytest.mark.parametrize("reward", [writes_a_copy, adds_lists, whole_power, draws])
def test_a_reward_that_does_otherwise_when_compiled_is_refused_by_the_batch(reward):
    gym.make("MEC-Offload-v0", reward=reward)
    said = refused(gym.make_vec, "MEC-Offload-v0", num_envs=3, reward=reward)
    assert "reward: before device" in said
    assert "in plain Python" in said


class Free(Observation):
    """The least there can be: which servers are free."""

    free_at = 0

    @property
    def space(self):
        return gym.spaces.Box(0, 1, (self.scenario.num_servers, 1), np.float32)

    @staticmethod
    def write(slot, device, prepared, constants, out):
        for server in range(len(slot.server_hz)):
            out[server, 0] = 1.0 if slot.load[server] < slot.capacity[server] else 0.0


@pytest.mark.slow
def test_the_least_observation_there_can_be_is_taken():
    batch = gym.make_vec("MEC-Offload-v0", num_envs=2, observation=Free)
    assert batch.reset(seed=0)[0].tolist() == [[[1], [1], [1]]] * 2


class Overrides(Free):
    def free(self, observation):
        return observation[..., 0] > 0.5


class WrongColumn(Free):
    @staticmethod
    def write(slot, device, prepared, constants, out):
        for server in range(len(slot.server_hz)):
            out[server, 0] = 0.0 if slot.load[server] < slot.capacity[server] else 1.0


class Gap(Free):
    @staticmethod
    def write(slot, device, prepared, constants, out):
        out[0, 0] = 1.0


class Outside(Free):
    @staticmethod
    def write(slot, device, prepared, constants, out):
        for server in range(len(slot.server_hz)):
            out[server, 0] = slot.capacity[server] - slot.load[server]


class Writes(Free):
    @staticmethod
    def write(slot, device, prepared, constants, out):
        Free.write(slot, device, prepared, constants, out)
        slot.sqrt_load[0] = 0.0


class Prepares(Free):
    def prepare(self, instance):
        return np.zeros(5)


class OverTheBatch(Free):
    def prepare(self, instance):
        return np.full((*instance.batch_shape, 1), instance.task_cycles.min())


class List(Free):
    constants = [np.zeros(1)]  # noqa: RUF012


class NoStatic(Free):
    def write(self, slot, device, prepared, constants, out):
        out[:] = 1.0


class SizedConstants(Free):
    any_size = True

    def __init__(self, scenario):
        super().__init__(scenario)
        self.constants = (np.array([scenario.num_servers]),)


class SizedPreparation(Free):
    any_size = True

    def prepare(self, instance):
        return np.full((*instance.batch_shape, 1), self.scenario.num_devices)


class Nothing(Observation):
    free_at = 0


@pytest.mark.parametrize(
    ("observation", "says"),
    [
        (Overrides, "overrides free"),
        (WrongColumn, "free_at 0 shows"),
        (Gap, "leaves an entry out"),
        (Outside, "outside its space"),
        (Writes, "changes the slot"),
        (Prepares, "prepare does not return"),
        (OverTheBatch, "prepare does not return"),
        (List, "constants is a list"),
        (NoStatic, "must be a @staticmethod"),
        (SizedConstants, "any_size is said, but"),
        (SizedPreparation, "any_size is said, but"),
        (Nothing, "abstract method"),
        (Free(SLACK), "give the class"),
    ],
)
def test_an_observation_that_is_not_what_it_says_is_refused(observation, says):
    said = refused(gym.make, "MEC-Offload-v0", observation=observation)
    assert said.startswith("observation: ")
    assert says in said


@pytest.mark.parametrize(
    "parent", [PaperObservation, SIObservation, ServersObservation, PricesObservation]
)
@pytest.mark.parametrize("preset", ["paper", "slack", "online", "fast-fading", "large"])
def test_a_subclass_of_each_of_ours_is_taken_in_every_kind_of_scenario(parent, preset):
    own = type("Own", (parent,), {})
    make(own, mec_gym.Scenario.preset(preset))


class Cheats(Free):
    """It shows the work of the next device."""

    @property
    def space(self):
        return gym.spaces.Box(0, 1e6, (self.scenario.num_servers, 2), np.float32)

    @staticmethod
    def write(slot, device, prepared, constants, out):
        last = len(slot.task_cycles) - 1
        for server in range(len(slot.server_hz)):
            out[server, 0] = 1.0 if slot.load[server] < slot.capacity[server] else 0.0
            out[server, 1] = slot.sqrt_cycles[min(device + 1, last)]


def test_what_the_scenario_hides_may_not_show():
    make(Cheats, SLACK)
    assert "shows what the scenario hides" in refused(
        make, Cheats, mec_gym.Scenario.preset("online")
    )


@pytest.mark.slow
def test_a_network_on_an_observation_of_one_size_is_not_played_at_another(monkeypatch):
    module = types.ModuleType("one_size")
    module.Free = type("Free", (Free,), {"__module__": "one_size"})
    monkeypatch.setitem(sys.modules, "one_size", module)
    layer = (np.ones((1, 1), np.float32), np.zeros(1, np.float32), np.ones((1, 1), np.float32))
    policy = TrainedPolicy(SLACK, "one_size:Free", (layer,), {})
    policy(SLACK.sample(2, 0))
    assert "does not say any_size" in refused(policy, mec_gym.Scenario.preset("large").sample(2, 0))
    assert not policy.trained_for(mec_gym.Scenario.preset("large"))
    assert "observation: " in refused(TrainedPolicy, SLACK, Free, (layer,), {})


class Near(UniformChannel):
    """A channel that extends one of ours."""

    def draw(self, unit, num_devices, num_servers):
        return super().draw(unit * 0.1, num_devices, num_servers)


class Forgets(Channel):
    """A default that hides None."""

    level: float | None = Field(5.0)
    gain_range = property(lambda self: (0.5, 1.0))

    def num_uniforms(self, num_devices, num_servers):
        return num_devices * num_servers

    def draw(self, unit, num_devices, num_servers):
        return 0.5 + unit.reshape(*unit.shape[:-1], 1, num_devices, num_servers) / 2


class Steady(Forgets):
    def num_steps(self, num_devices):
        return 1


class WrongShape(Forgets):
    def draw(self, unit, num_devices, num_servers):
        return unit


class Beyond(Forgets):
    gain_range = property(lambda self: (0.9, 1.0))


class Together(Forgets):
    def draw(self, unit, num_devices, num_servers):
        return super().draw(unit * unit.max(), num_devices, num_servers)


def test_a_channel_that_extends_ours_is_kept_as_what_it_is():
    scenario = mec_gym.Scenario(channel=Near())
    assert scenario.channel.kind == f"{__name__}:Near"
    again = mec_gym.Scenario(**scenario.model_dump())
    assert type(again.channel) is Near
    assert scenario != mec_gym.Scenario()
    assert scenario.label == "custom"


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        (Forgets(level=None), "is not read back"),
        (Steady(correlation=0.5), "makes nothing of it"),
        (WrongShape(), "returns shape"),
        (Beyond(), "beyond its gain_range"),
        (Together(), "beside others"),
        (Forgets(correlation=0.5), "returns shape"),
    ],
)
def test_a_channel_that_is_not_what_it_says_is_refused(channel, says):
    said = refused(mec_gym.Scenario, channel=channel)
    assert said.startswith("channel: ")
    assert says in said


def test_a_scenario_that_files_would_not_keep_is_refused():
    class Own(mec_gym.Scenario):
        pass

    assert "files would not keep" in refused(Own)


def mean(delta):
    return Loss(lambda e: np.mean(e**2), lambda e: np.mean(2 * e))


def swapped(delta):
    return Loss(lambda e: 2 * e, np.square)


def in_place(delta):
    def value(error):
        error *= 0
        return error

    return Loss(value, np.zeros_like)


def none_at_all(delta):
    return None


def centred(delta):
    return Loss(lambda e: (e - e.mean()) ** 2, lambda e: 2 * (e - e.mean()))


@pytest.mark.parametrize("loss", [mean, swapped, in_place, none_at_all, centred])
def test_a_loss_that_is_not_elementwise_or_has_another_slope_is_refused(loss):
    said = refused(TrainConfig, loss=loss)
    assert said.startswith("loss: ")
    assert f"{__name__}:{loss.__name__}" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('loss = "mec_gym.io.names:sys.exit"', "in files that is a function or class"),
        ('loss = "scipy:ndimage.x"', "in files that is a function or class"),
        ('loss = "time:sleep"', "a part of Python"),
        ('reward = "mec_gym.mdp:State.assign"', "in files that is a function or class"),
        ('observation = "numpy:zeros"', "is not a subclass of mec_gym"),
    ],
)
def test_a_file_runs_nothing_that_is_not_defined_where_it_says(text, says, tmp_path):
    import scipy  # noqa: F401

    (tmp_path / "config.toml").write_text(text)
    assert says in refused(TrainConfig.from_toml, tmp_path / "config.toml")


@pytest.mark.parametrize(
    "source", ["x = ", "import sys\nsys.exit(3)", "raise RuntimeError", "import no_such_module"]
)
def test_a_module_that_cannot_be_imported_is_named_in_one_line(source, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_broken.py").write_text(source)
    said = refused(gym.make, "MEC-Offload-v0", reward="own_broken:reward")
    assert said.startswith("reward: ")
    assert "own_broken" in said


def test_a_module_called_as_a_part_of_python_is_refused_before_a_run_that_none_could_load():
    module = types.ModuleType("sched")
    own = type("Free", (Free,), {"__module__": "sched"})
    module.Free = own
    assert "called as a part of Python" in refused(TrainConfig, observation=own)


def test_nothing_is_left_of_a_training_that_cannot_be_compiled(tmp_path):
    config = TrainConfig(reward=adds_lists)
    assert "in plain Python" in refused(train, config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def one_server_for_all(instance, seed):
    return np.zeros(instance.num_devices, dtype=int)


def fails(instance, seed):
    raise RuntimeError("no idea")


def batches_only(instance, seed):
    assert instance.batch_shape
    return np.zeros(instance.task_cycles.shape, dtype=int)


@pytest.mark.parametrize("policy", [one_server_for_all, fails, batches_only, lambda slots: 1])
def test_a_policy_that_fails_is_named_in_one_line(policy):
    slots = SLACK.sample(3, 0)
    rivals = {"roa": [policies.get("roa")], "own one": [policy]}
    assert refused(compare, rivals, slots).startswith("policy own one: ")


def test_what_is_no_policy_is_refused():
    assert "is not a function of an instance" in refused(policies.get, "mec_gym.presets:PRESETS")
