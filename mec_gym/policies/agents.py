"""A user's own agent as a policy: what chooses an action for an observation plays whole slots."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import observations
from mec_gym.instance import Instance
from mec_gym.io.messages import quoted
from mec_gym.mdp import State, assign_all
from mec_gym.observations import Observation
from mec_gym.observations.base import Array
from mec_gym.scenario import Scenario

Choose = Callable[[Array, State], Any]
"""From observations (B, ...) and the state that they show to a server each, (B,)."""


def play(observer: Observation, instance: Instance, choose: Choose) -> NDArray[np.int64]:
    """Assign the devices of each slot in order, by what is seen before each decision, (..., M)."""
    seen: Array | None = None

    def decide(state: State) -> NDArray[np.int64]:
        nonlocal seen
        if seen is None:
            seen = observer.begin(state)
        else:
            observer.update(seen, state)
        return np.asarray(choose(seen, state))

    return assign_all(instance, decide)


def shows_as_much(scenario: Scenario, other: Scenario) -> bool:
    """Return whether a scenario shows all the tasks to come that another one does."""
    shown, needed = scenario.lookahead, other.lookahead
    return not scenario.hides_tasks or (
        shown is not None and needed is not None and needed <= shown
    )


@dataclass(frozen=True)
class AgentPolicy:
    """A policy that plays what an agent chooses; `from_agent` makes it.

    Attributes:
        agent: a model with `predict`, or a function.
        scenario: whose slots it plays.
        observation: what it sees, a name or a class.
    """

    agent: Any
    scenario: Scenario
    observation: str | type[Observation]

    @cached_property
    def observer(self) -> Observation:
        """What shows it the slots."""
        return observations.make(self.observation, self.scenario)

    def trained_for(self, scenario: Scenario) -> bool:
        """Return whether it plays a scenario: its own."""
        return scenario == self.scenario

    def sees_enough(self, scenario: Scenario) -> bool:
        """Return whether a scenario shows all the tasks to come that it looks at."""
        return shows_as_much(scenario, self.scenario)

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot in order, (..., M).

        Raises:
            ValueError: the slots do not fit the scenario, or the agent chooses what is no server.
        """
        self.scenario.check(instance)
        return play(self.observer, instance, _chooser(self.agent, instance.num_actions))


def from_agent(
    agent: Any,
    scenario: Any = "paper",
    observation: str | type[Observation] = "paper",
) -> AgentPolicy:
    """Return an agent of any library as a policy, to be compared like all others.

    Args:
        agent: a model with Stable-Baselines3's `predict(observation, deterministic=True)`, of which
            the first result is taken; it is given `action_masks` if it has such a parameter, as
            MaskablePPO has, and `state` and `episode_start` if it has those. Or a function from
            observations (B, ...) to servers (B,). All slots are decided at once.
        scenario: what it was trained for, as for `gym.make`.
        observation: what it sees, as for `gym.make`.

    Raises:
        ValueError: a bad argument, or the agent was made for observations of another shape.
    """
    scenario = Scenario.of(scenario)
    if not callable(agent) and not callable(getattr(agent, "predict", None)):
        raise ValueError(
            f"agent: {quoted(agent)} has no predict, and is no function from observations to"
            " servers"
        )
    policy = AgentPolicy(agent, scenario, observation)
    shape, own = policy.observer.space.shape, getattr(agent, "observation_space", None)
    if own is not None and own.shape != shape:
        raise ValueError(
            f"agent: it was made for observations of shape {own.shape}, observation"
            f" {quoted(observation)} of scenario {scenario.label} has {shape}; give the observation"
            " and the scenario that it was trained with"
        )
    return policy


def _chooser(agent: Any, num_actions: int) -> Choose:
    """Return what asks an agent for servers, and checks them."""
    predict = getattr(agent, "predict", None)
    parameters = inspect.signature(predict).parameters if predict else {}
    memory: Any = None

    def choose(seen: Array, state: State) -> NDArray[np.int64]:
        nonlocal memory
        if predict is None:
            chosen = agent(seen.copy())
        else:
            known: dict[str, Any] = {
                "action_masks": state.free,
                "state": memory,
                "episode_start": np.full(len(seen), state.device == 0),
                "deterministic": True,
            }
            given = {name: value for name, value in known.items() if name in parameters}
            chosen = predict(seen.copy(), **given)
            if isinstance(chosen, tuple):
                chosen, memory = chosen[0], chosen[1]
        servers = np.asarray(chosen)
        whole = servers.shape == (len(seen),) and servers.dtype.kind in "iu"
        if not whole or not ((servers >= 0) & (servers < num_actions)).all():
            raise ValueError(
                f"agent: it chose {quoted(servers)} for {len(seen)} observations; needs a whole"
                f" number from 0 to {num_actions - 1} for each"
            )
        return servers.astype(np.int64)

    return choose
