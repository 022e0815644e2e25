"""A comparison in shards is the one of one process, byte for byte."""

import numpy as np
import pytest

from mec_gym import Scenario, load_policy, policies
from mec_gym.benchmark import comparison, frozen, shards
from mec_gym.benchmark.comparison import find_reference
from mec_gym.benchmark.models import OrPrices, Polished
from mec_gym.benchmark.shards import SHARDS, Comparison, Place
from mec_gym.jobs import Processes, Results
from mec_gym.jobs.pieces import do
from mec_gym.policies import POLICIES
from mec_gym.policies.near_prices import OrPricesOnline

ARRAYS = ("assignment", "delay", "equal_shares_delay", "overloads")


class Here:
    """Workers in this process."""

    count, where = 1, "here"

    def __init__(self):
        self.done = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def unfinished(self, local):
        return None

    def outcomes(self, pieces, unfinished):
        for piece in pieces:
            self.done.append(piece.name)
            yield do(piece, None)


def own(instance, seed):
    """A policy that looks at all slots at once."""
    best = np.argsort(instance.server_hz.mean(axis=tuple(range(instance.server_hz.ndim - 1))))[-1]
    return np.full(instance.task_cycles.shape, best)


def all_policies():
    scenario = Scenario.preset("paper")
    able = [name for name in POLICIES if not policies.why_not(name, scenario)]
    named = {name: [policies.get(name, scenario)] for name in able}
    mix, table_i = load_policy("regret-mix"), load_policy("dqn-rao")
    return named | {
        "mix": [mix, load_policy("regret-online")],
        "polished": [Polished(mix)],
        "safe": [OrPrices(mix)],
        "table I": [table_i],
        "table I, polished": [Polished(table_i)],
        "own": [own],
        "without a name": [lambda instance, seed: own(instance, seed)],
    }


def same(found, plain):
    for one, other in zip(found, plain, strict=True):
        assert one.name == other.name
        for name in ARRAYS:
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), one.name
        assert one.reference.cost.tobytes() == other.reference.cost.tobytes()
        assert one.reference.proven.tobytes() == other.reference.proven.tobytes()
        assert one.slot_seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, SHARDS + 1, 130])
def test_every_policy_and_the_optimum_are_the_same_in_shards(count, tmp_path):
    slots = Scenario.preset("paper").sample(count, 11)
    plain = comparison.play(all_policies(), slots, 3, find_reference(slots, 30.0))
    made, here = Comparison(all_policies(), slots, 3, 30.0), Here()
    (found,) = shards.compare([made], Place(tmp_path, here))
    same(found, plain)
    assert len(here.done) == len(set(here.done)) == len(list(made.pieces))
    here.done.clear()
    (again,) = shards.compare([Comparison(all_policies(), slots, 3, 30.0)], Place(tmp_path, here))
    same(again, plain)
    assert here.done == []


def test_the_last_shard_is_called_by_slots_that_there_are():
    slots = Scenario.preset("paper").sample(70, 0)
    assert [piece.name for piece in shards.reference_pieces(slots, 1.0)][-1].endswith("slots 69-69")


def test_no_shard_is_empty_and_each_slot_is_in_one():
    for count in (1, 2, SHARDS, SHARDS + 1, 1000):
        slots = Scenario.preset("paper").sample(count, 0)
        parts = [slots[part] for part in shards.cut(slots)]
        assert len(parts) <= SHARDS
        assert min(map(len, parts)) >= 1
        assert np.concatenate([part.gain for part in parts]).tobytes() == slots.gain.tobytes()


def test_a_policy_that_draws_or_is_not_ours_is_played_in_one_piece():
    slots = Scenario.preset("paper").sample(100, 0)

    def pieces(policy):
        return shards.policy_pieces("p", policy, slots, 0)

    assert len(pieces(policies.get("roa"))) == len(pieces(own)) == 1
    assert len(pieces(load_policy("dqn-rao"))) == 1  # a product of matrices over all slots
    assert len(pieces(policies.get("least-delay"))) == len(pieces(load_policy("regret-mix"))) > 8
    online = policies.get("prices-online", Scenario.preset("online"))
    assert len(pieces(online)) == len(pieces(policies.get("least-delay")))
    assert pieces(lambda instance, seed: None) is None


def test_a_policy_that_fails_is_named_in_one_line(tmp_path):
    slots = Scenario.preset("large").sample(4, 0)
    made = Comparison({"dqn-rao": [load_policy("dqn-rao")]}, slots, 0, 1.0)
    with pytest.raises(
        ValueError, match=r"dqn-rao on slots 0-3: policy dqn-rao: .*9 x 3|9 devices"
    ):
        shards.compare([made], Place(tmp_path, Here()))


@pytest.mark.slow
def test_a_frozen_benchmark_made_in_shards_is_the_same_file(tmp_path, monkeypatch):
    recipe = frozen.Recipe(Scenario.preset("slack"), slots=40, seed=3)
    monkeypatch.setitem(frozen.RECIPES, "mine", recipe)
    frozen.make("mine", tmp_path / "plain")
    frozen.make("mine", tmp_path / "shards", Place(tmp_path / "keep", Processes(2)))
    for file in ("mine.npz", "manifest.json"):
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "shards" / file).read_bytes()
    assert Results(tmp_path / "keep").folder.is_dir()


def test_a_network_held_to_prices_is_played_in_shards_but_with_a_margin_of_its_own_here(tmp_path):
    scenario = Scenario.preset("online-slack")
    slots = scenario.sample(5, 11)
    network = load_policy("regret-online")
    held = {"held": [OrPricesOnline(network)], "closer": [OrPricesOnline(network, 0.001)]}
    assert len(shards.policy_pieces("held", held["held"][0], slots, 3)) == 5
    assert shards.policy_pieces("closer", held["closer"][0], slots, 3) is None
    plain = comparison.play(held, slots, 3, find_reference(slots, 30.0))
    (found,) = shards.compare([Comparison(held, slots, 3, 30.0)], Place(tmp_path, Here()))
    same(found, plain)
