"""`MEC-Offload-v0`: one slot an episode, or several that follow one another, a device a step."""

import operator
import sys
from collections.abc import Mapping
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from mec_gym import equations, observations, rewards, system
from mec_gym import options as scenario_options
from mec_gym.envs import arguments, rendering
from mec_gym.envs.ahead import Ahead
from mec_gym.envs.strip import Past
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.io.messages import quoted
from mec_gym.mdp import State
from mec_gym.observations import Observation
from mec_gym.scenario import Scenario

if TYPE_CHECKING:
    from mec_gym.envs.course import Courses


class OffloadEnv(gym.Env[NDArray[np.float32], np.int64]):
    """Offload the tasks of M devices to N edge servers, one device a step.

    ## Description
    In each slot every device has one task: input bits to send over its uplink, and CPU cycles to
    run on a server. The agent goes through the devices in order and picks a server for each. A
    server takes a limited number of tasks and splits its CPU among them. The average delay of the
    tasks is to be as small as it can be. This is the Markov decision process of Sec. III-A of the
    DQN-RAO paper; after the last device the CPU is split by Eq. (20) and the delay is that of
    Eqs. (5) and (21).

    ## Action Space
    `Discrete(N)`: the server for the current device, Eq. (12), counted from 0. Where the scenario
    has columns beside the servers they follow: `local`, `cloud`, `drop`, of those that it has;
    `action_names` names every action.

    ## Observation Space
    A `Box` of float32, chosen by `observation`:

    | name | what | length | values |
    |---|---|---|---|
    | `"paper"` | Eq. (11): gains, bits, cycles, places left | M N + 2 M + N | scaled to [0, 1] |
    | `"si"` | the same | M N + 2 M + N | gain, bits, cycles, tasks |
    | `"servers"` | a row of features a server, for any M and N | (N, 19) | of order 1 |
    | `"prices"` | the same, made of the problem's own prices | (N, 24) | of order 1 |

    `mec_gym.observations` documents each entry. Where the scenario has a `lookahead`, the tasks and
    gains of later devices are 0, or left out of the features. Where the `correlation` of its
    channel is below 1 the gains change from one decision to the next: Eq. (11) shows h_mn(t) of the
    current step t, device m sends at step m, and what later devices will meet is not yet seen.

    ## Rewards
    In seconds unless said, chosen by `reward`; `overload_penalty` (lambda, in the same) is taken
    off where the chosen server is already full, or not allowed.

    | name | what |
    |---|---|
    | `"paper"` | Eq. (13): minus the task's delay on equal CPU shares at the time of the decision |
    | `"delay"` | minus the rise in the total delay under Eq. (20); sums to -M D over a slot |
    | `"regret"` | minus the rise in a bound B on the total delay; sums to -(M D - B_0) |
    | `"regret-prices"` | the same of a bound that begins with the relaxation's |
    | `"regret-units"` | the same, in units of one task alone on one server of the slot |

    `mec_gym.rewards` says what each is.

    ## Starting State
    A slot drawn from the scenario with nothing assigned, or the slot given by
    `reset(options={"instance": instance})`, which must fit the scenario's shape and ranges. Where
    slots follow one another, an episode drawn from it, no work left over and no service anywhere,
    or the one given by `reset(options={"episode": episode})`, a `mec_gym.Episodes` of one.

    ## Episode End
    Terminates when the last device is assigned, after M steps; never truncates. Where slots follow
    one another the devices that have a task in a slot are assigned in order, then those of the next
    slot in which one has; the last task of the episode terminates it.

    ## Information
    `reset` and `step` give `action_mask` (N,), int8: 1 for each action that is allowed and has a
    free place, as `action_space.sample(info["action_mask"])` takes it. The mask is advice: another
    action is accepted and pays the penalty. The last step also gives `assignment` (M,), `cpu_hz`
    (M,) by Eq. (20) in cycles/s, `task_delay` (M,) in seconds, `average_delay` (Eq. 5) in seconds,
    `overloads` (tasks above capacity) and `feasible`, and where the scenario has such `cost` and
    `energy_j` (of a task on average, seconds and joules), `missed`, `dropped` and `barred` (tasks;
    `mec_gym.system.report`).

    Where slots follow one another the last step of each says this of the slot, of its m tasks, and
    also `slot`, its number from 0; `devices` (m,), which had a task; `backlog_cycles` (N,) left
    over as it ends; and `handovers`, the tasks that went to another server than their device's
    last; its `action_mask` is of the next slot. The last step of the episode also gives what it
    came to in all: `episode_average_delay` (and `episode_cost`, `episode_energy_j`) of a task on
    average, `episode_overloads`, `episode_handovers` and the like in all, `episode_tasks`, and
    `episode_feasible`: every slot was. Where a recorder wants the same keys at every step, wrap the
    environment in `mec_gym.envs.recording.OutcomeAtEveryStep`.

    ## Arguments
    | name | default | meaning |
    |---|---|---|
    | `scenario` | `"paper"` | preset, TOML file, dict of fields, `"module:name"` or `Scenario` |
    | `observation` | `"paper"` | see Observation Space |
    | `reward` | `"paper"` | see Rewards |
    | `overload_penalty` | `10.0` | lambda of Eq. (13), seconds, 0 or more |
    | `render_mode` | `None` | `"ansi"`, `"rgb_array"` or `"human"`; the last two use matplotlib |

    A picture is a map where the channel has places, or the slot that is given. Where slots follow
    one another a strip below it has the work left over on each server, and the delay, slot by slot.
    A dict has the fields that differ from the paper's.
    `spec.to_json()` holds any of these: a scenario as its preset's name or its fields, a class or
    function as `"module:name"`.

    Errors: `ValueError` for a bad argument or instance, `TypeError` for an argument that there is
    not, `InvalidAction` for an action outside 0..N-1, `ResetNeeded` for a step before the first
    reset or after the end.

    ## Version History
    * v0: first version
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # as gym.Env declares it
        "render_modes": ["ansi", "rgb_array", "human"],
        "render_fps": 2,
    }
    _spec: EnvSpec | None = None

    def __init__(
        self,
        scenario: str | PathLike[str] | Mapping[str, Any] | Scenario = "paper",
        observation: str | type[Observation] = "paper",
        reward: str | rewards.Reward = "paper",
        overload_penalty: float = 10.0,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        arguments.refuse_unknown(unknown, scenario, OffloadEnv)
        scenario = Scenario.of(scenario)
        is_number = isinstance(overload_penalty, Real)  # a caller may give anything
        if isinstance(overload_penalty, np.generic):  # a float32 cannot be compared with the limit
            overload_penalty = overload_penalty.item()
        if not is_number or not 0 <= overload_penalty <= sys.float_info.max:
            raise ValueError(f"overload_penalty: {overload_penalty!r} must be finite, 0 or more")
        if render_mode not in (None, *self.metadata["render_modes"]):
            modes = ", ".join(self.metadata["render_modes"])
            raise ValueError(f"render_mode: no {render_mode!r}; there are: {modes}")
        self.scenario = scenario
        self._num_devices, self._num_actions = scenario.num_devices, scenario.num_actions
        self._is_plain = scenario_options.is_plain(scenario)
        self.overload_penalty = float(overload_penalty)
        self.render_mode = render_mode
        self.observer = observations.make(observation, scenario)
        self.reward = rewards.find(reward, scenario)
        self.observation_space = self.observer.space
        self.action_space = gym.spaces.Discrete(scenario.num_actions)
        self._prepare = rewards.preparation(self.reward)
        drawing = scenario, self.observer, self._prepare, render_mode is not None
        self._courses: Courses | None = None
        self._ahead = Ahead(*drawing)
        if scenario.slots > 1:
            from mec_gym.envs import course  # numba is loaded when it is first needed

            self._courses = course.Courses(*drawing)
        self._state: State | None = None
        self._past: Past | None = None  # kept where it is drawn
        self._window: rendering.Window | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium made this of, in JSON values."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = arguments.written(spec, self.scenario)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode, or the one given as `options["instance"]` or `["episode"]`.

        Raises:
            ValueError: a bad seed, an unknown option, or an instance that does not fit.
        """
        known = "instance" if self._courses is None else "episode"
        given = arguments.check_options(options, known).get(known)
        if given is not None:
            self._check(given)
        super().reset(seed=arguments.check_seed(seed))
        ahead = self._ahead if self._courses is None else self._courses
        if seed is not None:
            ahead.drop()
        if given is None:
            self._state, self._observation = ahead.begin_next(self.np_random)
        elif self._courses is None:
            self._state = State(given, self._prepare)
            self._observation = self.observer.begin(self._state)
        else:
            self._state, self._observation = self._courses.begin(given)
        self._num_devices = len(self._state.assignment)
        if self._courses is not None and self.render_mode in ("rgb_array", "human"):
            self._past = Past(self.scenario.slots)
        if self.render_mode == "human":
            self.render()
        return self._observation.copy(), {"action_mask": self._state.mask}

    def step(
        self, action: np.int64 | int
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Give the current device to server `action` and go on to the next device.

        Raises:
            InvalidAction: the action is not a whole number 0..N-1.
            ResetNeeded: there has been no reset, or the slot is complete.
        """
        state = self._state
        if state is None or state.device == self._num_devices:
            when = "before the first reset" if state is None else "after the slot's last device"
            raise ResetNeeded(f"step: called {when}; call reset first")
        server = self._server(action)
        reward = rewards.of_decision(self.reward, state, server, self.overload_penalty)
        state.assign(server)
        self.observer.update(self._observation, state)
        done = state.device == self._num_devices
        if not done:
            info: dict[str, Any] = {"action_mask": state.mask}
        elif self._courses is None:
            info = {"action_mask": state.mask} | self._outcome(state)
        else:
            following, told = self._courses.end_slot(state)
            if self._past is not None:
                wait = told["backlog_cycles"] / state.instance.server_hz
                self._past.add(told["slot"], wait, told["average_delay"])
            done = following is None
            if following is not None:
                state, self._observation = following
                self._state, self._num_devices = state, len(state.assignment)
            info = {"action_mask": state.mask} | told
        if self.render_mode == "human":
            self.render()
        # A copy: callers may keep it, and may write to it.
        return self._observation.copy(), reward, done, False, info

    @property
    def action_names(self) -> tuple[str, ...]:
        """What each action is called: the servers, then the columns beside them."""
        return self.scenario.action_names

    @property
    def instance(self) -> Instance:
        """The slot being played."""
        return self._begun("instance").instance

    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each server has a free place, (N,); the name sb3-contrib looks for."""
        return self._begun("action_masks").free

    def render(self) -> Any:
        """Return the slot as text or as an RGB picture (H, W, 3), or show it in a window."""
        state = self._begun("render")
        if self.render_mode == "ansi":
            return rendering.text(state)
        if self.render_mode == "rgb_array":
            return rendering.picture(state, self._past)
        if self.render_mode == "human":
            self._window = self._window or rendering.Window(self.metadata["render_fps"])
            self._window.show(state, self._past)
            return None
        modes = ", ".join(self.metadata["render_modes"])
        raise ValueError(f"render_mode: none was given to gym.make; there are: {modes}")

    def close(self) -> None:
        """Close the window, if one is open."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _begun(self, call: str) -> State:
        if self._state is None:
            raise ResetNeeded(f"{call}: called before the first reset; call reset first")
        return self._state

    def _server(self, action: Any) -> int:
        try:
            server = operator.index(action)
        except TypeError:  # an array of one whole number is one, with dimensions too
            one = isinstance(action, np.ndarray) and action.size == 1 and action.dtype.kind in "iu"
            server = int(action.item()) if one else -1
        if not 0 <= server < self._num_actions:
            raise InvalidAction(
                f"action: {quoted(action)} is not a server; they go from 0 to"
                f" {self._num_actions - 1}"
            )
        return server

    def _check(self, given: Any) -> None:
        """Check an instance, or an episode where slots follow one another."""
        if self._courses is not None:
            if not isinstance(given, Episodes):
                raise ValueError(f"episode: {type(given).__name__} is not a mec_gym.Episodes")
            if given.batch_shape:
                raise ValueError(
                    f"episode: episodes of shape {given.batch_shape}; pick one with episodes[i]"
                )
            self.scenario.check_episodes(given)
            return
        instance = given
        if not isinstance(instance, Instance):
            raise ValueError(f"instance: {type(instance).__name__} is not a mec_gym.Instance")
        if instance.batch_shape:
            raise ValueError(
                f"instance: a batch of shape {instance.batch_shape}; an episode plays one slot,"
                " pick one with instance[i]"
            )
        self.scenario.check(instance)

    def _outcome(self, state: State) -> dict[str, Any]:
        """Return what the last step reports, with the CPU allocated by Eq. (20)."""
        cpu_hz, task_delay = state.allocate()
        overloads = sum(map(equations.overload, state.slot.load, state.slot.capacity))
        outcome = {
            "assignment": state.assignment,
            "cpu_hz": cpu_hz,
            "task_delay": task_delay,
            "average_delay": float(task_delay.sum()) / len(task_delay),
            "overloads": overloads,
            "feasible": overloads == 0,
        }
        if not self._is_plain:
            report = system.report(state.instance, state.assignment)
            outcome |= {name: value.item() for name, value in report.items()}
            outcome["feasible"] = overloads == 0 and not outcome.get("barred", 0)
        return outcome
