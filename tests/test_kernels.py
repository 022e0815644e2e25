"""Kernels: what loops may call, and the digest of their sources that no loop outlives."""

import importlib
import inspect
import linecache
import subprocess
import sys

import pytest

from mec_gym import kernels, rewards
from mec_gym.observations import OBSERVATIONS

GIVEN = [*rewards.REWARDS.values(), *(entry.write for entry in OBSERVATIONS.values())]
MODULES = sorted({inspect.getmodule(function).__name__ for function in kernels.KERNELS})
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


def test_the_digest_is_the_same_each_time():
    assert kernels.sources() == kernels.sources()
    assert kernels.sources(*GIVEN) == kernels.sources(*reversed(GIVEN))


def test_the_equations_the_bound_the_transition_the_rewards_and_the_observations_count():
    files = ("equations", "bounds.water_level", "mdp", "rewards", "observations.servers")
    assert {f"mec_gym.{name}" for name in (*files, "observations.paper")} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_digest_changes_with_the_source_of_any_kernels_module(module, monkeypatch):
    assert digest_once_changed(module, monkeypatch) != kernels.sources()


@pytest.mark.parametrize("function", GIVEN, ids=lambda function: function.__qualname__)
def test_the_digest_changes_with_the_source_of_the_module_of_a_function_given(
    function, monkeypatch
):
    monkeypatch.setattr(kernels, "KERNELS", [])
    changed = digest_once_changed(function.__module__, monkeypatch, function)
    assert changed != kernels.sources(function) != kernels.sources()
    assert digest_once_changed(function.__module__, monkeypatch) == kernels.sources()


@pytest.mark.parametrize("name", ["of_a_prompt", "sys"])  # not imported; without a source
def test_a_function_typed_at_a_prompt_counts_by_what_it_does(name):
    assert kernels.sources(typed(2, name)) == kernels.sources(typed(2, name))
    assert len({kernels.sources(), *(kernels.sources(typed(n, name)) for n in (2, 3))}) == 3


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
