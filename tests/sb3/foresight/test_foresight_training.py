"""Learning what work left over costs later."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mec_gym import Scenario, episodes  # noqa: E402
from mec_gym.benchmark.models import find_policy, load_models  # noqa: E402
from mec_gym.sb3.foresight.config import ForesightConfig  # noqa: E402
from mec_gym.sb3.foresight.training import check, train, train_into  # noqa: E402
from mec_gym.solvers.two_searches import local_search_prices  # noqa: E402

SCENARIO = Scenario.preset("queues", slots=15, slot_s=0.5)
QUICK = ForesightConfig(rounds=2, episodes=10, steps=60, heldout_episodes=4)


def test_the_same_seed_learns_the_same_bytes():
    one, other = (list(train(SCENARIO, QUICK)) for _ in range(2))
    another = list(train(SCENARIO, QUICK.replace(seed=1)))
    for made, again in zip(one, other, strict=True):
        assert (made.loss, made.cost) == (again.loss, again.cost)
        for layer, same in zip(made.policy.weights, again.policy.weights, strict=True):
            for array, twin in zip(layer, same, strict=True):
                np.testing.assert_array_equal(array, twin)
    assert one[-1].loss != another[-1].loss


@pytest.mark.slow
def test_what_is_learnt_beats_deciding_slot_by_slot():
    scenario = Scenario.preset("rush-hour")
    config = ForesightConfig(rounds=2, episodes=40, heldout_episodes=10)
    policy = list(train(scenario, config))[-1].policy
    drawn = scenario.sample_episodes(20, 77)

    def cost(choose):
        return episodes.play(drawn, choose).cost.sum(axis=(1, 2))

    gain = 1 - cost(lambda s, _: policy(s, 0)) / cost(lambda s, _: local_search_prices(s))
    assert gain.mean() > 0.03 > 3 * gain.std() / np.sqrt(20)


def test_the_policy_of_the_best_round_stands_in_the_directory(tmp_path):
    rounds = list(train_into(tmp_path, SCENARIO, QUICK, "mine"))
    best = min(rounds, key=lambda made: made.cost)
    policy = find_policy(str(tmp_path))
    assert policy.training["round"] == best.number
    assert policy.training["heldout_cost"] == best.cost
    for layer, same in zip(policy.weights, best.policy.weights, strict=True):
        for array, twin in zip(layer, same, strict=True):
            np.testing.assert_array_equal(array, twin)
    (model,) = load_models([str(tmp_path)])
    assert (model.name(SCENARIO), model.seed) == ("mine", 0)
    assert list(tmp_path.glob("events.out.tfevents.*"))
    with pytest.raises(ValueError, match="has a training already"):
        check(tmp_path, SCENARIO, QUICK)


def test_what_cannot_be_learnt_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="its slots leave no work over"):
        check(tmp_path / "new", Scenario(), QUICK)
    with pytest.raises(ValueError, match="heldout_seed: 0 is the seed of training"):
        check(tmp_path / "new", SCENARIO, QUICK.replace(heldout_seed=0))
    assert not (tmp_path / "new").exists()
