"""ROA, GOA, GOA within capacity and least delay against Sec. IV-B's words in plain loops."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from slots import FIELDS, changed, shaped
from strategies import scenarios

from mec_gym import Instance, Scenario, is_feasible, policies

BASELINES = ("roa", "goa", "goa-capacity", "least-delay")
WITHIN_CAPACITY = ("roa", "goa-capacity", "least-delay")


def by_greatest_gain(slot, within_capacity):
    load, chosen = [0] * slot.num_servers, []
    for m in range(slot.num_devices):
        servers = range(slot.num_servers)
        if within_capacity:
            servers = [n for n in servers if load[n] < slot.capacity[n]]
        best = max(servers, key=lambda n, m=m: slot.gain[m, n])
        load[best] += 1
        chosen.append(best)
    return chosen


def by_least_rise(slot):
    """Try every free server and keep the one with which the total delay (6) so far is least."""
    chosen = []
    for _ in range(slot.num_devices):
        totals = {}
        for n in range(slot.num_servers):
            if chosen.count(n) < slot.capacity[n]:
                trial = [*chosen, n]
                shares = oracle.cpu(slot, trial)
                totals[n] = sum(
                    oracle.tx_delay(slot, j, server) + slot.task_cycles[j] / shares[j]
                    for j, server in enumerate(trial)
                )
        chosen.append(min(totals, key=totals.get))
    return chosen


@given(scenarios(servers="per-slot", server_hz=(1e9, 9e9)), st.integers(0, 2**32))
def test_goa_takes_the_highest_gain_whatever_the_load(scenario, seed):
    slots = scenario.sample(3, seed)
    expected = [by_greatest_gain(slot, within_capacity=False) for slot in slots]
    assert policies.get("goa")(slots, 0).tolist() == expected


def test_goa_is_infeasible_where_one_server_is_best_for_all():
    slot = Scenario().sample(1, 0)[0]
    gain = np.full((9, 3), 0.6)
    gain[:, 1] = 1.9
    crowded = changed(slot, gain=gain)
    assignment = policies.get("goa")(crowded, 0)
    assert assignment.tolist() == [1] * 9
    assert not is_feasible(crowded, assignment)


@given(scenarios(), st.integers(0, 2**32))
def test_goa_capacity_takes_the_highest_gain_among_free_servers(scenario, seed):
    slots = scenario.sample(3, seed)
    expected = [by_greatest_gain(slot, within_capacity=True) for slot in slots]
    assert policies.get("goa-capacity")(slots, 0).tolist() == expected


@given(scenarios(servers="per-slot", server_hz=(1e9, 9e9)), st.integers(0, 2**32))
def test_least_delay_takes_the_free_server_whose_total_delay_rises_least(scenario, seed):
    slots = scenario.sample(2, seed)
    expected = [by_least_rise(slot) for slot in slots]
    ours = policies.get("least-delay")(slots, 0)
    for slot, assignment, by_hand in zip(slots, ours.tolist(), expected, strict=True):
        if assignment != by_hand:  # a tie within rounding is as good
            assert oracle.objective(slot, assignment) == pytest.approx(
                oracle.objective(slot, by_hand), rel=1e-9
            )


def test_least_delay_matches_the_plain_loops_on_the_papers_slots():
    slots = Scenario.preset("slack").sample(40, 0)
    expected = [by_least_rise(slot) for slot in slots]
    assert policies.get("least-delay")(slots, 0).tolist() == expected


def test_roa_draws_uniformly_among_all_servers_while_all_are_free():
    slots = Scenario(num_devices=2, capacity=2).sample(6000, 1)
    first = policies.get("roa")(slots, 2)[:, 0]
    assert chisquare(np.bincount(first, minlength=3)).pvalue > 1e-3


def test_roa_has_the_law_of_drawing_again_until_a_server_is_free():
    # 3 devices, 1 + 1 + 2 places. By hand, with first-free probabilities:
    # each ordered outcome's probability is the product of 1 / (servers then free).
    scenario = Scenario(num_devices=3, capacity=(1, 1, 2))
    expected = {}

    def walk(chosen, probability):
        free = [n for n in range(3) if chosen.count(n) < (1, 1, 2)[n]]
        if len(chosen) == 3:
            expected[chosen] = probability
            return
        for n in free:
            walk((*chosen, n), probability / len(free))

    walk((), 1.0)
    assert sum(expected.values()) == pytest.approx(1)
    drawn = policies.get("roa")(scenario.sample(12000, 1), 7)
    outcomes, counts = np.unique(drawn, axis=0, return_counts=True)
    seen = {tuple(row): count for row, count in zip(outcomes.tolist(), counts, strict=True)}
    assert seen.keys() == expected.keys()
    frequency = [seen[key] for key in expected]
    assert chisquare(frequency, [12000 * p for p in expected.values()]).pvalue > 1e-3


def test_roa_does_not_follow_the_gains_even_with_the_seed_the_slots_were_drawn_with():
    roa, scenario = policies.get("roa"), Scenario(num_devices=3, capacity=3)
    best = 0
    for seed in range(300):
        slot = scenario.sample(1, seed)[0]
        best += int((roa(slot, seed) == slot.gain.argmax(axis=-1)).sum())
    # 900 choices, a third by chance; 5 standard deviations are 71.
    assert abs(best - 300) < 71


def test_roa_treats_slots_and_devices_independently():
    drawn = policies.get("roa")(Scenario(num_devices=2, capacity=2).sample(6000, 1), 3)
    pairs = np.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9)
    assert chisquare(pairs).pvalue > 1e-3
    following = np.bincount(3 * drawn[:-1, 0] + drawn[1:, 0], minlength=9)
    assert chisquare(following).pvalue > 1e-3


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_gives_the_same_assignment(name):
    slots, policy = Scenario.preset("slack").sample(20, 0), policies.get(name)
    np.testing.assert_array_equal(policy(slots, 5), policy(slots, 5))


def test_another_seed_gives_roa_another_assignment_and_the_rest_the_same():
    slots = Scenario.preset("slack").sample(20, 0)
    for name in BASELINES:
        same = np.array_equal(policies.get(name)(slots, 5), policies.get(name)(slots, 6))
        assert same == (name != "roa")


@pytest.mark.parametrize("name", BASELINES)
def test_global_random_state_is_neither_used_nor_moved(name):
    slots = Scenario().sample(3, 0)
    np.random.seed(1)  # noqa: NPY002  # the global state is what must not matter
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one = policies.get(name)(slots, 5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(policies.get(name)(slots, 5), one)


@pytest.mark.parametrize("name", BASELINES)
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_fewer_slots_get_the_assignments_of_the_first_of_more(name, scenario, seed):
    slots, policy = scenario.sample(5, seed), policies.get(name)
    np.testing.assert_array_equal(policy(slots[:2], seed), policy(slots, seed)[:2])


@pytest.mark.parametrize("name", BASELINES)
def test_leading_dimensions_agree(name):
    slots, policy = Scenario.preset("paper-varied").sample(6, 0), policies.get(name)
    flat = policy(slots, 3)
    assert flat.shape == (6, 9)
    nested = policy(shaped(slots, 2, 3), 3)
    assert nested.shape == (2, 3, 9)
    np.testing.assert_array_equal(nested.reshape(6, 9), flat)
    alone = policy(slots[0], 3)
    assert alone.shape == (9,)
    np.testing.assert_array_equal(alone, flat[0])


@pytest.mark.parametrize("name", BASELINES)
@given(scenario=scenarios(), seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_assignments_are_whole_numbers_of_servers_and_within_capacity_where_promised(
    name, scenario, seed
):
    slots = scenario.sample(3, seed)
    assignment = policies.get(name)(slots, seed)
    assert assignment.dtype == np.int64
    assert assignment.min() >= 0
    assert assignment.max() < scenario.num_servers
    if name in WITHIN_CAPACITY:
        assert is_feasible(slots, assignment).all()


@pytest.mark.parametrize("name", WITHIN_CAPACITY)
def test_slots_with_too_few_places_are_refused_by_name_and_count(name):
    slots = Scenario(num_devices=4, num_servers=2, capacity=2).sample(3, 0)
    fields = {field: getattr(slots, field) for field in FIELDS}
    short = Instance(**(fields | {"capacity": [[2, 2], [2, 1], [2, 2]]}))
    with pytest.raises(ValueError, match=r"^capacity: slot 1 has 3 places for 4 devices") as caught:
        policies.get(name)(short, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ROA", "", "dqn", None])
def test_an_unknown_policy_is_refused_with_the_names_there_are(name):
    with pytest.raises(ValueError, match=r"^policy: .*goa.*least-delay.*roa") as caught:
        policies.get(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BASELINES)
def test_city_is_assigned_within_capacity_but_for_goa(name):
    slot = Scenario.preset("city").sample(1, 0)
    assignment = policies.get(name)(slot, 0)
    assert assignment.shape == (1, 1000)
    if name in WITHIN_CAPACITY:
        assert is_feasible(slot, assignment).all()


@pytest.mark.parametrize("name", [*BASELINES, "local-search", "optimal"])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_where_gains_change_each_policy_plays_by_those_that_devices_meet(name, correlation):
    scenario = Scenario(channel={"kind": "uniform", "correlation": correlation})
    slots = scenario.sample(5, 3)
    constant = changed(slots)
    assert slots.step_gain is not None
    assert constant.step_gain is None
    chosen = policies.get(name)(slots, 1)
    np.testing.assert_array_equal(chosen, policies.get(name)(constant, 1))
    if name != "goa":
        assert is_feasible(slots, chosen).all()


def test_policies_that_know_gains_to_come_are_called_hindsight_where_they_change():
    labels = {
        name: [policies.label(name, Scenario.preset(preset)) for preset in ("paper", "fast-fading")]
        for name in policies.POLICIES
    }
    for name, (constant, changing) in labels.items():
        assert constant == name
        knows_more = name in ("prices", "local-search", "local-search-prices", "optimal")
        assert changing == (f"{name} (hindsight)" if knows_more else name)
