"""Trained networks as policies: a NumPy forward pass, and files that cannot run code.

`policy.json` says what the network sees and which scenario it was trained for, and holds its own
SHA-256 and that of `policy.safetensors`, which holds the weights: a changed byte of either is an
error when they are loaded.
"""

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from mec_gym import links, observations, plausibility
from mec_gym.instance import Instance
from mec_gym.io.digests import read_checked, sha256, with_digest
from mec_gym.io.files import read_file, replace_file
from mec_gym.io.messages import closest, one_line, quoted
from mec_gym.io.names import no_imports
from mec_gym.mdp import State
from mec_gym.observations import Observation
from mec_gym.policies import POLICIES, SHIPPED, network
from mec_gym.policies.agents import play, shows_as_much
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]

_SHIPPED_IN = Path(__file__).with_name("data")

WEIGHTS_FILE = "policy.safetensors"
POLICY_FILE = "policy.json"
FORMAT = 3

_MOST_BYTES = 1 << 30
"""Longer weights are refused before they are read; the largest shipped have 59 kB."""


@dataclass(frozen=True, eq=False)
class TrainedPolicy:
    """A fully connected ReLU network that gives each server a Q-value; the greatest is chosen.

    Attributes:
        scenario: what it was trained for; slots must fit it, but where layers score servers, which
            take from it only the lookahead and the work of tasks that are not seen.
        observation: name of the observation it reads, or your own class as "module:name".
        weights: the layers, first to last, see `mec_gym.policies.network`.
        training: what else is known of the training, for the reader of the file.
    """

    scenario: Scenario
    observation: str
    weights: tuple[network.Layer, ...]
    training: dict[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.observation, str):
            raise ValueError(
                f"observation: {quoted(self.observation)}; give its name, which the files hold"
            )
        shape, scores_servers = self._shape, self.scores_servers
        if scores_servers and len(shape) == 1:
            raise ValueError(
                f"weights: they score servers; observation {self.observation!r} has no row for each"
            )
        size = shape[-1] if scores_servers else math.prod(shape)
        for array in (array for layer in self.weights for array in layer):
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(
                    f"weights: {array.dtype} of shape {array.shape} must be finite float32"
                )
        for weight, bias, *context in self.weights:
            fits = weight.ndim == 2 and weight.shape[1] == size and bias.shape == weight.shape[:1]
            if not fits or [array.shape for array in context] != [weight.shape] * scores_servers:
                raise ValueError(
                    f"weights: shape {weight.shape} and bias {bias.shape} do not take {size} inputs"
                )
            size = len(bias)
        if size != (1 if scores_servers else self.scenario.num_actions):
            raise ValueError(
                f"weights: {size} outputs for {self.scenario.num_actions} actions; needs one each"
            )

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        """The shape of one slot's observation."""
        return self.observer.space.shape

    @cached_property
    def observer(self) -> Observation:
        """What shows it the slots of its scenario, made once, as that may take a while."""
        return observations.make(self.observation, self.scenario)

    @cached_property
    def _by_input(self) -> tuple[network.Layer, ...]:
        """The weights as `scoring.assign` takes them."""
        from mec_gym.policies import scoring

        return scoring.by_input(self.weights)

    @cached_property
    def _loop(self) -> Any:
        """The compiled loop that assigns slots."""
        from mec_gym.policies import scoring

        return scoring.loop_of(self.observer.write)

    @property
    def scores_servers(self) -> bool:
        """Whether one network scores each server, so that it plays any number of them."""
        return bool(self.weights) and network.scores_servers(self.weights)

    def q_values(self, observation: Array) -> Array:
        """Return the Q-value of each server, (..., N), for observations with leading dimensions."""
        if not self.scores_servers:
            lead = observation.shape[: observation.ndim - len(self._shape)]
            observation = observation.reshape(*lead, math.prod(self._shape))
        free = self.observer.free(observation) if self.scores_servers else None
        return network.q_values(self.weights, network.forward(self.weights, observation, free))

    def sees_enough(self, scenario: Scenario) -> bool:
        """Return whether a scenario shows all the tasks to come that the policy looks at."""
        return shows_as_much(scenario, self.scenario)

    def trained_for(self, scenario: Scenario) -> bool:
        """Return whether it was trained for a scenario.

        One that scores servers is for every scenario that shows all it looks at, which is more
        where it was trained for slots that follow one another.
        """
        if self.scores_servers and self.observer.any_size:
            follows = self.scenario.slots == 1 or scenario.slots > 1
            return follows and self.sees_enough(scenario)
        return scenario == self.scenario

    def for_scenario(self, scenario: Scenario) -> "TrainedPolicy":
        """Return the policy that expects tasks distributed as in `scenario`.

        Only the distribution of the tasks not yet seen changes; the lookahead stays. A network for
        one fixed size is returned as it is. One that knows slots by themselves plays them as such.
        """
        if not self.scores_servers:
            return self
        if self.scenario.slots == 1:
            scenario = scenario.one_slot
        return replace(self, scenario=scenario.replace(lookahead=self.scenario.lookahead))

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot, (..., M).

        A network that scores servers plays any size and never chooses a full one; where it sees
        prices of slots of which all is known it decides for those of the largest q first, and
        places are held for the others, see `mec_gym.policies.held_places`. Any other, such as
        Table I's, plays the size and ranges of its scenario only and may overload servers.

        Raises:
            ValueError: the slots do not fit the scenario it was trained for.
        """
        if self.scores_servers:
            return self._score_servers(instance)
        try:
            self.scenario.check(instance)
        except ValueError as error:
            raise ValueError(
                f"the model was trained for other slots, those of scenario {self.scenario.label}:"
                f" {error}; play those, or a policy for any size, such as regret-mix"
            ) from None
        return play(self.observer, instance, lambda seen, _: self.q_values(seen).argmax(axis=-1))

    def _score_servers(self, instance: Instance) -> NDArray[np.int64]:
        """Assign slots of any size; a full server is never chosen."""
        Problem.of(instance).require_feasible()
        own, size = self.scenario, (instance.num_devices, instance.num_servers)
        if not self.observer.any_size and size != (own.num_devices, own.num_servers):
            raise ValueError(
                f"instance: {size[0]} devices x {size[1]} servers; observation {self.observation!r}"
                f" is for the {own.num_devices} x {own.num_servers} that the model was trained for,"
                " as it does not say any_size"
            )
        flat = instance.flatten()
        if self.observer.plans_whole(flat):
            order = np.argsort(-links.size(flat), axis=-1, kind="stable")
            assignment = np.empty_like(order)
            in_turn = self._assign(flat.of_devices(order))
            np.put_along_axis(assignment, order, in_turn, axis=-1)
        else:
            assignment = self._assign(flat)
        return assignment.reshape(instance.task_cycles.shape)

    def _assign(self, flat: Instance) -> NDArray[np.int64]:
        """Assign the devices of slots (B,) in their order."""
        from mec_gym.policies import scoring

        prepared = self.observer.prepare(flat)
        priced = self.observer.priced(flat, prepared)
        return scoring.assign(
            self._loop, State(flat).slot, prepared, priced, self.observer, self._by_input
        )


def save_policy(policy: TrainedPolicy, directory: str | Path) -> None:
    """Write `policy.json` and `policy.safetensors`, each replaced as a whole.

    Whenever this is cut short, what stood there before or the new policy can be read: between the
    two files `policy.json` vouches for the weights before as well.
    """
    weights = weights_file(policy.weights)
    manifest = {
        "format": FORMAT,
        "observation": policy.observation,
        "scenario": policy.scenario.model_dump(mode="json", exclude_none=True),
        "sha256": sha256(weights),
        "training": policy.training,
    }
    path = Path(directory) / WEIGHTS_FILE
    if path.exists():
        manifest["sha256_before"] = sha256(path.read_bytes())
    replace_file(Path(directory) / POLICY_FILE, with_digest(manifest))
    replace_file(path, weights)


def weights_file(layers: Sequence[network.Layer]) -> bytes:
    """Return what `policy.safetensors` holds of layers, first to last."""
    arrays = {
        f"{number}.{part}": np.ascontiguousarray(array)
        for number, layer in enumerate(layers)
        for part, array in zip(_PARTS, layer, strict=False)  # the context is not always there
    }
    return safetensors.numpy.save(arrays)


def layers_of(content: bytes) -> tuple[network.Layer, ...]:
    """Return the layers that `weights_file` made the content of."""
    arrays = safetensors.numpy.load(content)
    return tuple(
        tuple(arrays[f"{number}.{part}"] for part in _PARTS if f"{number}.{part}" in arrays)
        for number in range(sum(name.endswith(".weight") for name in arrays))
    )


def load_policy(directory: str | Path) -> TrainedPolicy:
    """Read a trained policy; no code in its files is run.

    Args:
        directory: of a run, or the name of a policy that comes with the package: `SHIPPED`.

    Raises:
        ValueError: there is neither, or a file is damaged or does not fit the other.
    """
    name = directory if isinstance(directory, str) else None
    directory = _SHIPPED_IN / name if name in SHIPPED else Path(directory)
    file = directory / POLICY_FILE
    try:
        manifest = read_checked(file, FORMAT)
        file = directory / WEIGHTS_FILE
        weights = read_file(file, _MOST_BYTES)
    except OSError as error:
        if name is not None and not os.path.exists(name):
            raise ValueError(_unknown(name)) from None
        runs = sorted(file.parent for file in directory.glob(f"seed-*/{POLICY_FILE}"))
        remedy = f"of its runs, such as {runs[0]}" if runs else "that `python -m train` made"
        raise ValueError(
            f"{directory}: not a run directory: {error.strerror}: {error.filename}; give one"
            f" {remedy}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    try:
        vouched_for = (manifest["sha256"], manifest.get("sha256_before"))
        if sha256(weights) not in vouched_for:
            raise ValueError(f"{WEIGHTS_FILE} is not the file it was saved with (SHA-256 differs)")
        if not isinstance(manifest["training"], dict):
            raise ValueError("its training is not a table")
        layers = layers_of(weights)
        with no_imports(), plausibility.quiet():
            scenario = Scenario(**manifest["scenario"])
            return TrainedPolicy(scenario, manifest["observation"], layers, manifest["training"])
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{directory}: not a policy that can be read: {one_line(error)}") from None


def files_of(policy: TrainedPolicy) -> dict[str, bytes]:
    """Return the contents of a policy's files, by name."""
    with tempfile.TemporaryDirectory() as scratch:
        save_policy(policy, scratch)
        return {name: Path(scratch, name).read_bytes() for name in (POLICY_FILE, WEIGHTS_FILE)}


def from_files(files: Mapping[str, bytes]) -> TrainedPolicy:
    """Return the policy of `files_of`.

    Raises:
        ValueError: they are damaged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in (POLICY_FILE, WEIGHTS_FILE):
            Path(scratch, name).write_bytes(files[name])
        return load_policy(Path(scratch))


def _unknown(name: str) -> str:
    """Return the error of a name that is neither a shipped policy's nor a directory's."""
    if name in POLICIES:
        return (
            f"{name}: not a trained policy; mec_gym.policies.get({name!r}) gives it, on a command"
            f" line --policies {name}"
        )
    meant = closest(name, SHIPPED)
    guess = f" (did you mean {meant!r}?)" if meant else ""
    return (
        f"{one_line(name)}: not a run directory, nor a policy that comes with the package"
        f"{guess}: {', '.join(SHIPPED)}; give one of those, or a directory that"
        " `python -m train` made"
    )


_PARTS = ("weight", "bias", "context")
