"""A network made safe where the future is hidden: held to what `prices-online` reckons."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.outlook import outlooks, sample_count
from mec_gym.instance import Instance
from mec_gym.mdp import State
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

MARGIN = 0.01
"""So much more a slot may cost on average than with `prices-online`, of what it is expected to."""

RECKONED = 0.3
"""Of that margin choices may use so much by the prices.

What is hidden makes a choice cost more than they say: networks that choose the worst they are let
came to twice that.
"""


@dataclass(frozen=True)
class OrPricesOnline:
    """A policy made safe that does not see the future: of its choices those that prices let pass.

    Before each decision the server that `prices-online` would take in the same state is found. The
    network's is taken in its place if it pays at most so much more, at the prices of that moment,
    as is left of an allowance: `RECKONED` times `margin` times what the slot is expected to cost as
    it begins, the mean bound over sampled slots. What it pays more is taken off the allowance.

    By the prices no network can use more, in any slot. They are a reckoning of what is hidden, so
    the margin itself is a matter of measurement, on average over slots:
    docs/learning-measured.md has what networks came to that choose the worst. With margin 0 a slot
    is played as by `prices-online`.

    Attributes:
        policy: the network that is not trusted alone; it says what is seen, and for which scenario.
        margin: see above.

    Raises:
        ValueError: the policy is no network that scores servers, or the margin is below 0.
    """

    policy: TrainedPolicy
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not (isinstance(self.policy, TrainedPolicy) and self.policy.scores_servers):
            raise ValueError(
                f"policy: {type(self.policy).__name__}; only a trained network that scores servers"
                " is held to prices, decision by decision"
            )
        if not 0 <= self.margin < math.inf:
            raise ValueError(f"margin: {self.margin} must be finite, at least 0")

    def for_scenario(self, scenario: Scenario) -> "OrPricesOnline":
        """Return the policy that expects tasks distributed as in `scenario`."""
        return replace(self, policy=self.policy.for_scenario(scenario))

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot in order, (..., M).

        Raises:
            ValueError: the slots are not of the network's scenario, or have no feasible assignment.
        """
        return self.played(instance, seed)[0]

    def played(
        self, instance: Instance, seed: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the assignment, (..., M), and what it paid more by the prices, (...).

        The latter is in shares of what the slot was expected to cost, at most `RECKONED` x margin.

        Raises:
            ValueError: as when called.
        """
        from mec_gym.policies import near_prices_loops, scoring  # numba, when it is first needed

        Problem.of(instance).require_feasible()
        network, flat = self.policy, instance.flatten()
        scenario, observer = network.scenario, network.observer
        layers = scoring.by_input(network.weights)
        widest = max(max(each.shape) for each, *_ in layers)
        rows = np.empty((2, flat.num_actions, widest), np.float32)
        assignment = np.empty((len(flat), flat.num_devices), np.int64)
        more, allowed = np.empty(len(flat)), RECKONED * self.margin
        seen = outlooks(flat, scenario, seed, sample_count(scenario))
        prepared, slots = observer.prepare(flat), State(flat).slot
        play = near_prices_loops.loop_of(observer.write)
        for row, outlook in enumerate(seen):
            shown = slots, row, prepared[row], observer.constants
            more[row] = play(outlook, *shown, layers, rows, allowed, assignment[row])
        return assignment.reshape(instance.task_cycles.shape), more.reshape(instance.batch_shape)
