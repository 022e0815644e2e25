"""What `mec-gym evaluate` does where slots follow one another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mec_gym.benchmark import frozen, frozen_episodes, keeping_up, over_time, tables
from mec_gym.benchmark.models import Model, by_name, check_plays, load_models
from mec_gym.benchmark.over_time import EpisodesResult, Yardsticks
from mec_gym.episodes import Episodes
from mec_gym.policies import POLICIES, Policy
from mec_gym.scenario import Scenario
from mec_gym.workload import loads

if TYPE_CHECKING:
    from mec_gym.sb3.run.config import TrainConfig


def on_scenario(
    models: Sequence[Model], scenario: Scenario, called: str, count: int, seed: int
) -> Any:
    """Compare on episodes that are drawn, print the table and return the JSON.

    Raises:
        ValueError: a policy does not play the scenario.
    """
    check_plays(models, scenario, called)
    drawn = scenario.sample_episodes(count, seed)
    results = over_time.play(by_name(models, scenario), drawn, seed)
    over_time.show(results, f"{called}: {count} episodes of {scenario.slots} slots, seed {seed}")
    said = _say(results, scenario)
    return {
        "scenario": called,
        "episodes": count,
        "slots": scenario.slots,
        "seed": seed,
        "loads": loads(scenario).tolist(),
        "said": said,
        "difference_to": results[0].name,
        "policies": over_time.as_json(results),
    }


def on_benchmarks(names: Sequence[str], models: Sequence[Model]) -> dict[str, Any]:
    """Play every policy on frozen episodes, print a table each and return the JSON.

    Raises:
        ValueError: a file is damaged, or a model was trained with a benchmark's seed.
    """
    ours, found = load_models([*POLICIES]), dict[str, Any]()
    for name in names:
        recipe = frozen_episodes.RECIPES[name]
        scenario, benchmark = Scenario.preset(recipe.scenario), frozen_episodes.load(name)
        for model in models:
            if model.seed == recipe.seed:
                raise ValueError(f"model: {model.source} was trained with a benchmark's seed")
        rows = by_name([each for each in [*models, *ours] if each.plays(scenario)], scenario)
        results = over_time.play(rows, benchmark.episodes, recipe.seed, benchmark.yardsticks)
        over_time.show(results, f"{name}: {recipe.episodes} frozen episodes")
        _say(results, scenario)
        found[name] = over_time.as_json(results)
    return found


def show_held_out(
    policies: Mapping[str, Sequence[Policy]],
    config: "TrainConfig",
    title: str,
    drawn: Episodes,
    yardsticks: Yardsticks | None = None,
) -> None:
    """Play policies on the held-out episodes of a training, and print the table."""
    results = over_time.play(policies, drawn, config.heldout_seed, yardsticks)
    over_time.show(results, f"{title}: {len(drawn)} held-out episodes")
    _say(results, config.scenario)


def _say(results: Sequence[EpisodesResult], scenario: Scenario) -> list[str]:
    """Print whether servers keep up with the work, and return it."""
    said = keeping_up.sentences(results, scenario)
    for line in said:
        tables.say(line)
    return said


def apart(asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of some benchmarks are of slots by themselves, and which are of episodes."""
    follow = [name for name in asked if name in frozen_episodes.RECIPES]
    return [name for name in asked if name not in frozen_episodes.RECIPES], follow


def plays_nothing_else(model: Model) -> bool:
    """Return whether a policy plays no frozen slots by themselves."""
    return not any(model.plays(recipe.scenario) for recipe in frozen.RECIPES.values())
