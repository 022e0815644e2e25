"""The course of episodes of slots that follow one another, for one environment."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import mdp
from mec_gym.envs import loops, turns
from mec_gym.envs.following import Following
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.mdp import Prepare, State
from mec_gym.observations import Observation
from mec_gym.observations.over_time import OVER_TIME
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_GAINS_AT_MOST = 16384
"""Episodes are drawn in blocks of about so many gains, for speed; one by one they are the same."""

_ONLY = np.zeros(1, np.int64)
"""The only copy."""


class Courses:
    """Episodes drawn ahead from a generator, played slot by slot, one after the other.

    Slots in which no device has a task pass by themselves.

    Args:
        scenario: what they are drawn from.
        observer: what shows them.
        prepare: what works out what the reward knows of slots.
        places: whether slots say where devices and servers are, if the channel knows.
    """

    def __init__(
        self, scenario: Scenario, observer: Observation, prepare: Prepare, places: bool
    ) -> None:
        self._scenario, self._observer, self._places = scenario, observer, places
        self._most = max(1, _GAINS_AT_MOST // (scenario.num_gains * scenario.slots))
        # One more for an episode that is given.
        self._following = Following(scenario, observer, 1, self._most + 1, 0, prepare)
        self._observe = None
        if type(observer) in OVER_TIME.values():  # one of a user's own is not compiled here
            self._observe = loops.observe_of(observer.write, turns.part_at)
        self._shape = observer.space.shape
        self._undecided = np.full(scenario.num_devices, -1, np.int64)
        self._chosen = np.zeros((1, scenario.num_devices), np.int64)
        self._playing: tuple[Episodes, int]
        self.drop()

    def drop(self) -> None:
        """Forget what is drawn: the generator is another one."""
        self._next = self._drawn = 0

    def begin_next(self, rng: np.random.Generator) -> tuple[State, NDArray[np.float32]]:
        """Return the state of the first slot of a generator's next episode, and what is seen."""
        if self._next == self._drawn:
            self._drawn = min(2 * self._drawn or 1, self._most)
            self._episodes = self._scenario.draw_episodes(self._drawn, rng, self._places)
            self._following.drawn.keep(self._episodes, np.arange(self._drawn))
            self._next = 0
        self._next += 1
        return self._begin(self._episodes, self._next - 1, self._next - 1)

    def begin(self, episode: Episodes) -> tuple[State, NDArray[np.float32]]:
        """Return the same of an episode that is given."""
        arrays = {name: array[None] for name, array in episode.slots.arrays().items()}
        one = Episodes(Instance.trusted(**arrays), episode.present[None], episode.waits)
        self._following.drawn.keep(one, np.array([self._most]))
        return self._begin(one, 0, self._most)

    def end_slot(
        self, state: State
    ) -> tuple[tuple[State, NDArray[np.float32]] | None, dict[str, Any]]:
        """End the slot of which a state has all assigned, and go on to the next.

        Returns:
            the next one's state and what is seen of it, None after the last; and what is known of
            the slot that ended: its outcome, `slot`, its number, `devices`, `backlog_cycles` (N,)
            left over as it ends, `handovers`, tasks that went to another server than their
            device's last. After the last slot also what the episode came to, as `episode_...`.
        """
        following = self._following
        load, sqrt_load = following.slots.load, following.slots.sqrt_load
        load[0], sqrt_load[0] = state.slot.load, state.slot.sqrt_load
        self._chosen[0, : len(state.assignment)] = state.assignment
        told = following.told_one(following.end(_ONLY, self._chosen))
        if following.course.over[0]:
            return None, told
        following.begin(_ONLY)
        return self._shown(), told

    def _begin(self, episodes: Episodes, at: int, row: int) -> tuple[State, NDArray[np.float32]]:
        self._playing = episodes, at
        self._following.start(_ONLY, np.array([row]))
        self._following.begin(_ONLY)
        return self._shown()

    def _shown(self) -> tuple[State, NDArray[np.float32]]:
        """Return the state of the slot that has begun, and what is seen of it."""
        following, observer = self._following, self._observer
        tasks, shown, earned = following.counts[0].tolist()
        slot = mdp.plain(following.slots, 0, tasks, earned)
        mask = np.empty((1, len(slot.server_hz)), np.int8)
        undecided = self._undecided[:tasks].copy()
        state = State.of_one(slot, undecided, mask[0], following.find(*self._playing, 0))
        state.prepared = following.prepared[0, :shown]
        observation = np.empty((1, *self._shape), np.float32)
        if self._observe is None:
            mdp.write_mask(slot, 0, mask[0])
            Observation.update(observer, observation[0], state)
        else:
            self._observe(
                following.slots,
                _ONLY,
                _ONLY,
                _ONLY,
                following.prepared,
                following.counts,
                observer.constants,
                observation,
                mask,
            )
        return state, observation[0]
