"""Kernels: what loops may call, and the digest of their sources that no loop outlives."""

import importlib
import inspect
import linecache
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import kernels, rewards
from mec_gym.bounds.loops import relax_slots
from mec_gym.envs import loops
from mec_gym.observations import OBSERVATIONS, ServersObservation, SIObservation
from mec_gym.policies import scoring
from mec_gym.solvers import local_search, prices

GIVEN = [*rewards.REWARDS.values(), *(entry.write for entry in OBSERVATIONS.values())]
TYPED = """
def typed(slot, device, server):
    return -slot.tx_delay[device][server] * {factor}
"""


def typed(factor, name="of_a_prompt"):
    """A function without a source file, in a module of that name."""
    names = {"__name__": name}
    exec(TYPED.format(factor=factor), names)
    return names["typed"]


def digest_once_changed(module, monkeypatch, *functions):
    """The digest where the source of a module has one character more."""
    read = inspect.getsource
    with monkeypatch.context() as patch:
        patch.setattr(inspect, "getsource", lambda of: read(of) + "#" * (of is sys.modules[module]))
        return kernels.sources(*functions)


def test_a_function_that_is_marked_is_listed_and_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(kernels, "KERNELS", [])

    def one(): ...

    assert kernels.kernel(one) is one
    assert [one] == kernels.KERNELS


def test_the_digest_is_the_same_each_time_and_in_any_order():
    assert kernels.sources(*GIVEN) == kernels.sources(*reversed(GIVEN))


@pytest.mark.parametrize(
    ("make", "given", "modules"),
    [
        (
            loops.play_of,
            (rewards.paper, SIObservation.write),
            ("equations", "rewards", "mdp", "envs.loops", "observations.paper"),
        ),
        (
            loops.play_of,
            (rewards.regret, ServersObservation.write),
            ("bounds.water_level", "rewards", "mdp", "observations.servers"),
        ),
        (
            loops.observe_of,
            (ServersObservation.write,),
            ("bounds.water_level", "observations.servers"),
        ),
        (loops.observe_of, (SIObservation.write,), ("observations.paper", "mdp")),
        (loops.finish, (), ("equations", "mdp")),
        (
            scoring.loop_of,
            (ServersObservation.write,),
            ("bounds.water_level", "policies.scoring", "policies.held_places"),
        ),
        (local_search._descend, (), ("equations", "solvers.local_search")),
        (local_search._improve, (), ("equations", "solvers.local_search")),
        (prices._pay, (), ("solvers.prices",)),
        (relax_slots, (), ("bounds.loops", "bounds.interior_point")),
    ],
)
def test_the_digest_changes_with_the_source_of_each_module_that_a_loop_calls(
    make, given, modules, monkeypatch
):
    functions = (make, *given)
    for module in modules:
        changed = digest_once_changed(f"mec_gym.{module}", monkeypatch, *functions)
        assert changed != kernels.sources(*functions), module


def test_what_a_loop_does_not_call_does_not_count(monkeypatch):
    functions = (loops.observe_of, SIObservation.write)
    for module in ("equations", "bounds.water_level", "solvers.local_search"):
        changed = digest_once_changed(f"mec_gym.{module}", monkeypatch, *functions)
        assert changed == kernels.sources(*functions)


@pytest.mark.parametrize("function", GIVEN, ids=lambda function: function.__qualname__)
def test_the_digest_changes_with_the_source_of_the_module_of_a_function_given(
    function, monkeypatch
):
    changed = digest_once_changed(function.__module__, monkeypatch, function)
    assert changed != kernels.sources(function) != kernels.sources()


@pytest.mark.parametrize("name", ["of_a_prompt", "sys"])  # not imported; without a source
def test_a_function_typed_at_a_prompt_counts_by_what_it_does(name):
    assert kernels.sources(typed(2, name)) == kernels.sources(typed(2, name))
    assert len({kernels.sources(), *(kernels.sources(typed(n, name)) for n in (2, 3))}) == 3


@pytest.mark.slow
def test_a_reward_typed_at_a_prompt_is_played_and_compiled_anew_when_it_is_typed_otherwise():
    code = """
import numpy as np
import mec_gym
from mec_gym.envs.offload import OffloadEnv
from mec_gym.envs.vector import OffloadVectorEnv
slots = mec_gym.Scenario().sample(1, 0)
def earned(reward):
    one, batch = OffloadEnv(reward=reward), OffloadVectorEnv(1, reward=reward)
    one.reset(options={{"instance": slots[0]}})
    batch.reset(options={{"instance": slots}})
    (together,) = batch.step(np.array([1]))[1]
    assert one.step(1)[1] == together
    return together
{}
print(earned(typed) / -slots.tx_delay[0, 0, 1])
"""
    for factor in (2, 3):
        command = [sys.executable, "-c", code.format(TYPED.format(factor=factor))]
        done = subprocess.run(command, capture_output=True, text=True)
        assert not done.stderr
        assert float(done.stdout) == pytest.approx(factor)


def test_what_a_function_takes_from_other_modules_counts(tmp_path, monkeypatch):
    """A reward once was played by the old value of a constant that it imported."""
    monkeypatch.syspath_prepend(tmp_path)
    own = "import scales\nfrom factors import FACTOR, doubled\n\n\n"
    own += "def reward(slot, device, server):\n    return doubled(FACTOR) * scales.SCALE\n"
    (tmp_path / "own_reward.py").write_text(own)
    digests = set()
    for factor, more, scale in ((2, 0, 1), (3, 0, 1), (3, 1, 1), (3, 1, 2)):
        factors = f"FACTOR = {factor}\n\n\ndef doubled(x):\n    return 2 * x + {more}\n"
        (tmp_path / "factors.py").write_text(factors)
        (tmp_path / "scales.py").write_text(f"SCALE = {scale}\n")
        importlib.invalidate_caches()
        linecache.clearcache()
        for name in ("own_reward", "factors", "scales"):
            sys.modules.pop(name, None)
        digests.add(kernels.sources(importlib.import_module("own_reward").reward))
    assert len(digests) == 4


def test_a_function_typed_with_another_in_it_counts_the_same_in_every_process():
    typed_so = "def typed(slot, device, server):\n    return (lambda x: x + {more})(1)\n"
    codes = []
    for more in (1, 1, 2):
        names = {"__name__": "of_a_prompt"}
        exec(typed_so.format(more=more), names)
        codes.append(kernels.sources(names["typed"]))
    assert codes[0] == codes[1] != codes[2]


def test_a_constant_read_through_a_module_counts_by_its_value(tmp_path, monkeypatch):
    """It may come from the environment, with no source changed; a batch once had the old value."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "its_settings.py").write_text("WEIGHT = 1.0\n")
    own = "import its_settings\n\n\ndef reward(slot, device, server):\n"
    (tmp_path / "own_weighed.py").write_text(own + "    return -its_settings.WEIGHT\n")
    module = importlib.import_module("own_weighed")
    before = kernels.sources(module.reward)
    module.its_settings.WEIGHT = 7.0
    assert kernels.sources(module.reward) != before


def test_a_function_whose_constant_changed_after_compiling_is_refused_not_played_by_the_old():
    names = {"__name__": "of_a_prompt", "FACTOR": 2.0}
    exec("def typed(slot, device, server):\n    return -FACTOR\n", names)
    batch = gym.make_vec("MEC-Offload-v0", num_envs=1, reward=names["typed"])
    batch.reset(seed=0)
    assert batch.step(np.array([0]))[1] == -2
    gym.make_vec("MEC-Offload-v0", num_envs=1, reward=names["typed"])
    names["FACTOR"] = 5.0
    with pytest.raises(ValueError, match="a constant or function that it uses has changed since"):
        gym.make_vec("MEC-Offload-v0", num_envs=1, reward=names["typed"])


@pytest.mark.slow
def test_the_digest_of_each_loop_is_the_same_in_every_process():
    """An object in it that shows its address once had every process compile all loops anew."""
    digests = (
        "from mec_gym import kernels, rewards\nfrom mec_gym.envs import loops\n"
        "from mec_gym.observations import ServersObservation\n"
        "from mec_gym.policies import scoring\nfrom mec_gym.solvers import local_search\n"
        "write = ServersObservation.write\n"
        "for each in ((loops.play_of, rewards.regret, write), (loops.observe_of, write),"
        " (loops.finish,), (scoring.loop_of, write), (local_search._descend,)):"
        " print(kernels.sources(*each))\n"
    )
    said = {
        subprocess.run([sys.executable, "-c", digests], check=True, capture_output=True).stdout
        for _ in range(3)
    }
    assert len(said) == 1
