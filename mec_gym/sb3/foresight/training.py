"""How `foresight` learns: it plays episodes, sees whom work kept waiting, and plays on by that.

Each round plays episodes by the network so far (the first by `backlog-prices`), and fits it
to what a cycle more, left over on a server, would have cost in them: the slope of the rest of the
episode, decisions as they are. That slope is known for every server and slot, so nothing needs to
be tried out, and no reward is summed over slots. The policy of the round that did best on episodes
held out is kept.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.logger import TensorBoardOutputFormat

from mec_gym import episodes
from mec_gym.episodes import Episodes, Played
from mec_gym.io.files import replace_file
from mec_gym.policies import foresight
from mec_gym.policies.foresight import ForesightPolicy, Law
from mec_gym.policies.trained import POLICY_FILE
from mec_gym.sb3.foresight.config import ForesightConfig
from mec_gym.scenario import Scenario
from mec_gym.solvers.backlog_prices import backlog_prices

FloatArray = NDArray[np.float64]

CONFIG_FILE = "foresight.toml"


@dataclass(frozen=True)
class Round:
    """What a round came to.

    Attributes:
        number: from 1.
        loss: mean squared error of the network, in units of the squared mean slope.
        cost: mean cost of a task on the held-out episodes by the policy it made, seconds.
        policy: that policy.
    """

    number: int
    loss: float
    cost: float
    policy: ForesightPolicy


def train(scenario: Scenario, config: ForesightConfig) -> Iterator[Round]:
    """Yield the rounds of a training; same settings, same numbers.

    Raises:
        ValueError: no work is left over in the scenario.
    """
    law = Law.of(scenario)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(config.seed)
    network = _network(config.hidden, generator)
    rng = np.random.default_rng(config.seed)
    heldout = scenario.sample_episodes(config.heldout_episodes, config.heldout_seed)
    policy: ForesightPolicy | None = None
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    for number in range(1, config.rounds + 1):
        drawn = scenario.draw_episodes(config.episodes, rng)
        played = episodes.play(drawn, _choose(policy))
        seen = [*seen, _examples(law, drawn, played)][-config.rounds_kept :]
        rate = config.learning_rate if number == 1 else config.learning_rate_later
        loss = _fit(network, seen, rate, config, generator)
        policy = ForesightPolicy(scenario, _layers(network), {})
        yield Round(number, loss, cost_of(heldout, _choose(policy)), policy)


def cost_of(drawn: Episodes, choose: episodes.Choose) -> float:
    """Return the mean cost of a task of episodes, seconds."""
    return float(episodes.play(drawn, choose).cost.sum() / drawn.present.sum())


def check(directory: Path, scenario: Scenario, config: ForesightConfig) -> None:
    """Check that there is something to learn, and room for it.

    Raises:
        ValueError: no work is left over in the scenario, the held-out seed is that of training, or
            another training is kept in the directory.
    """
    Law.of(scenario)
    if config.heldout_seed == config.seed:
        raise ValueError(f"heldout_seed: {config.heldout_seed} is the seed of training; change one")
    if any((directory / name).exists() for name in (CONFIG_FILE, POLICY_FILE)):
        raise ValueError(f"out: {directory} has a training already; give another directory")


def train_into(
    directory: Path, scenario: Scenario, config: ForesightConfig, name: str = "foresight"
) -> Iterator[Round]:
    """Yield the rounds of a training that is kept in a directory, with its curves.

    The policy of the best round so far stands there at any time, written as a whole.

    Args:
        directory: made where it is missing.
        scenario: what to train on.
        config: how.
        name: what tables call the policy.

    Raises:
        ValueError: as `check`.
    """
    check(directory, scenario, config)
    directory.mkdir(parents=True, exist_ok=True)
    replace_file(directory / CONFIG_FILE, config.to_toml().encode())
    curves = TensorBoardOutputFormat(str(directory))
    least = np.inf
    try:
        for made in train(scenario, config):
            values = {"heldout/cost_s": made.cost, "train/loss": made.loss}
            curves.write(values, dict.fromkeys(values, ()), made.number)
            if made.cost < least:
                least = made.cost
                facts: dict[str, Any] = {
                    "config": {"name": name, **config.model_dump(mode="json")},
                    "round": made.number,
                    "heldout_cost": made.cost,
                }
                best = ForesightPolicy(scenario, made.policy.weights, facts)
                foresight.save(best, directory)
            yield made
    finally:
        curves.close()


def _choose(policy: ForesightPolicy | None) -> episodes.Choose:
    return lambda slots, _: (policy or backlog_prices)(slots, 0)


def _examples(law: Law, drawn: Episodes, played: Played) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the network is to see and to say where work was left over."""
    slots = drawn.slots
    hz, backlog = slots.server_hz, played.backlog_cycles
    weight = np.ones(played.assignment.shape) if slots.delay_weight is None else slots.delay_weight
    slope = foresight.kept_waiting(played.assignment, weight, hz, backlog)
    assert slots.slots_left is not None  # slots follow one another
    shape = (-1, hz.shape[-1])
    left, hz, slope = backlog.reshape(shape), hz.reshape(shape), slope.reshape(shape)
    levels = (left / (hz * law.slot_s))[..., None]
    seen = foresight.features(law, levels, left, hz, slots.slots_left.reshape(-1))[:, :, 0]
    learnt = (left > 0) & (slots.slots_left.reshape(-1, 1) > 0)
    said = (slope * hz / law.tasks)[learnt]
    return torch.from_numpy(seen[learnt]), torch.from_numpy(said.astype(np.float32))


def _network(hidden: tuple[int, ...], generator: torch.Generator) -> torch.nn.Sequential:
    sizes = (foresight.NUM_FEATURES, *hidden, 1)
    layers: list[torch.nn.Module] = []
    for size, following in itertools.pairwise(sizes):
        layer = torch.nn.Linear(size, following)
        with torch.no_grad():
            for part in (layer.weight, layer.bias):
                part.uniform_(-(size**-0.5), size**-0.5, generator=generator)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _fit(
    network: torch.nn.Sequential,
    seen: list[tuple[torch.Tensor, torch.Tensor]],
    rate: float,
    config: ForesightConfig,
    generator: torch.Generator,
) -> float:
    """Fit the network, and return its mean loss over the last tenth of the steps; 0 without any."""
    inputs, targets = (torch.cat(parts) for parts in zip(*seen, strict=True))
    if len(inputs) == 0:  # no work was left over
        return 0.0
    unit = max(float(targets.mean()), 1e-9)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    losses: list[float] = []
    for _ in range(config.steps):
        rows = torch.randint(len(inputs), (config.batch_size,), generator=generator)
        said = torch.nn.functional.softplus(network(inputs[rows])[:, 0])
        loss = ((said - targets[rows]) / unit).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses[-max(1, config.steps // 10) :]))


def _layers(network: torch.nn.Sequential) -> tuple[tuple[NDArray[np.float32], ...], ...]:
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return tuple(
        (layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy())
        for layer in linear
    )
