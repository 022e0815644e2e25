"""What the environments are given: checked, and written so that `spec.to_json()` can hold it."""

import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from mec_gym.channels import CHANNELS
from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.observations import OBSERVATIONS
from mec_gym.presets import PRESETS
from mec_gym.rewards import REWARDS
from mec_gym.scenario import Scenario

_NAMED: dict[str, Mapping[str, Any]] = {"observation": OBSERVATIONS, "reward": REWARDS}

_GIVEN_ELSEWHERE = {
    "seed": "give it to reset(seed=...)",
    "instance": 'give it to reset(options={"instance": ...})',
    "options": "give them to reset(options=...)",
    "num_envs": "gym.make_vec makes a batch",
    "autoreset_mode": "gym.make_vec makes a batch, which takes it",
    "num_threads": "gym.make_vec makes a batch, which takes it",
    "max_episode_steps": "gym.make takes it",
}


def check_options(options: Any, *allowed: str) -> dict[str, Any]:
    """Return the options of a `reset`, an empty dictionary for None.

    Raises:
        ValueError: they are not a dictionary, or one is not among `allowed`.
    """
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise ValueError(f"options: {quoted(options)} is not a dict")
    if unknown := [name for name in options if name not in allowed]:
        raise ValueError(f"options: no {quoted(unknown)}; there are: {', '.join(allowed)}")
    return options


def check_seed(seed: Any) -> int | None:
    """Return the seed of a `reset` as Gymnasium takes it.

    Raises:
        ValueError: it is neither None nor a whole number, 0 or more.
    """
    if seed is None:
        return None
    if not isinstance(seed, Integral) or int(seed) < 0:
        raise ValueError(f"seed: {quoted(seed)} is not a whole number, 0 or more")
    return int(seed)


def check_autoreset_mode(mode: Any) -> AutoresetMode:
    """Return the mode that is given as itself, by its name or by its value.

    Raises:
        ValueError: it is none.
    """
    if isinstance(mode, AutoresetMode | str):
        for each in AutoresetMode:
            if mode in (each, each.name, each.value):
                return each
    modes = ", ".join(each.name for each in AutoresetMode)
    raise ValueError(f"autoreset_mode: no {quoted(mode)}; there are: {modes}")


def check_count(name: str, count: Any) -> int:
    """Return a number of copies or threads.

    Raises:
        ValueError: it is no whole number above 0.
    """
    if isinstance(count, bool) or not isinstance(count, Integral) or int(count) < 1:
        raise ValueError(f"{name}: {quoted(count)} is not a whole number above 0")
    return int(count)


def check_max_episode_steps(steps: Any) -> int | None:
    """Return after how many steps a slot is cut off; None, as for Gymnasium's -1, where never.

    Raises:
        ValueError: it is no whole number above 0.
    """
    whole = isinstance(steps, Integral) and not isinstance(steps, bool)
    if steps is None or (whole and int(steps) == -1):
        return None
    if not whole or int(steps) < 1:
        raise ValueError(f"max_episode_steps: {quoted(steps)} is not a whole number above 0")
    return int(steps)


def refuse_unknown(unknown: dict[str, Any], scenario: Any, taken_by: Callable[..., Any]) -> None:
    """Refuse arguments that `taken_by` does not take, and say what to write instead.

    Raises:
        TypeError: there are some; in Python's own words, which TorchRL looks for, and the remedy.
    """
    if unknown:
        raise TypeError(_refusal(unknown, scenario, taken_by))


def written(spec: EnvSpec | None, scenario: Scenario) -> EnvSpec | None:
    """Return a specification whose arguments are JSON values, of an environment of `scenario`.

    A scenario is its preset's name or its fields, also where a file or a module said it; a class,
    function or mode is its name. What has no name stays, and `to_json` will refuse it.
    """
    if spec is None:
        return None
    spec = copy.copy(spec)
    spec.kwargs = {name: _json_value(name, value, scenario) for name, value in spec.kwargs.items()}
    return spec


def _refusal(unknown: dict[str, Any], scenario: Any, taken_by: Callable[..., Any]) -> str:
    fields = {name: value for name, value in unknown.items() if name in Scenario.model_fields}
    name, value = next(iter((fields or unknown).items()))
    said = f"{', '.join(fields or [name])}: unexpected keyword argument {name!r}; "
    if name in _GIVEN_ELSEWHERE:
        return said + _GIVEN_ELSEWHERE[name]
    for kind, channel in CHANNELS.items():
        if name in channel.model_fields and not fields:
            fields = {"channel": {"kind": kind, name: value}}
    if fields:
        return said + f"the scenario says it: scenario={_scenario_with(scenario, fields)}"
    known = [
        argument.name
        for argument in inspect.signature(taken_by).parameters.values()
        if argument.kind is argument.POSITIONAL_OR_KEYWORD
    ]
    near = difflib.get_close_matches(name, [*known, *Scenario.model_fields], n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return said + f"{meant}there are: {', '.join(known)}"


def _json_value(name: str, value: Any, scenario: Scenario) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, AutoresetMode):
        return value.value
    if name == "scenario":
        return value if isinstance(value, str) and value in PRESETS else scenario.source
    table = _NAMED.get(name)
    if table is None or isinstance(value, str):
        return value
    try:
        return names.name_of(value, table, name)
    except ValueError:
        return value


def _scenario_with(scenario: Any, fields: dict[str, Any]) -> str:
    """Return what to write for a scenario of which some fields differ."""
    if isinstance(scenario, dict):
        return repr(scenario | fields)
    if isinstance(scenario, str) and scenario == "paper":
        return repr(fields)
    changes = ", ".join(f"{name}={quoted(value)}" for name, value in fields.items())
    if isinstance(scenario, str) and scenario in PRESETS:
        return f"mec_gym.Scenario.preset({scenario!r}, {changes})"
    if isinstance(scenario, Scenario):
        return f"your_scenario.replace({changes})"
    return f"mec_gym.Scenario.of({quoted(scenario)}).replace({changes})"
