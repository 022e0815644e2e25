"""Places held for the devices to come are the cheapest there are, and hold a network to them."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mec_gym import Instance, Scenario, is_feasible, observations
from mec_gym.channels import PathLossChannel
from mec_gym.mdp import State, slot_at
from mec_gym.observations import PricesObservation
from mec_gym.policies import held_places
from mec_gym.policies.trained import TrainedPolicy, load_policy
from mec_gym.problem import Problem

FAR_APART = PathLossChannel(side_m=4000.0, exponent=4.2, loss_at_1m_db=3.0, shadowing_db=4.0)
TIGHT = Scenario(
    num_devices=30,
    num_servers=12,
    capacity=(1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4),
    channel=FAR_APART,
    noise_psd=4e-21,
)
"""Every place is needed, and a far server is a thousand times worse than a near one."""

ROOMY = TIGHT.replace(capacity=3)
BARRED = TIGHT.replace(coverage_m=2400.0)


def careless(scenario, seed):
    """Return a network of random weights, which sees prices and means nothing by its scores."""
    rng = np.random.default_rng(seed)
    layers = tuple(
        tuple(rng.normal(0, 0.4, shape).astype(np.float32) for shape in shapes)
        for shapes in (
            ((after, before), (after,), (after, before))
            for before, after in pairwise((PricesObservation.NUM_FEATURES, 8, 1))
        )
    )
    return TrainedPolicy(scenario, "prices", layers, {})


def excess_of(slots, observer):
    """Return what each server costs each device above its least, in units of delay, (B, M, N)."""
    problem = Problem.of(slots)
    prices, charges, units = np.moveaxis(observer.priced(slots, observer.prepare(slots)), 1, 0)
    paid = problem.link_cost + prices[:, None] * problem.size[..., None] + charges[:, None]
    return (paid - paid.min(axis=-1, keepdims=True)) / units[:, :1, None]


def least_in_all(excess, capacity):
    """Return the least excess of all devices together, by SciPy, with a column for each place."""
    places = np.repeat(np.arange(len(capacity)), capacity)
    columns = np.minimum(excess, 1e6)[:, places]
    return columns[linear_sum_assignment(columns)].sum()


@pytest.mark.parametrize("scenario", [TIGHT, ROOMY, BARRED], ids=["tight", "roomy", "barred"])
def test_the_places_held_at_first_are_the_cheapest_that_there_are(scenario):
    slots = scenario.sample(8, 3)
    observer = PricesObservation(scenario)
    priced, excess = observer.priced(slots, observer.prepare(slots)), excess_of(slots, observer)
    state = State(slots)
    for row, slot in enumerate(slots):
        held = held_places.room(slot.num_devices, slot.num_actions)
        held_places.hold(held, slot_at(state.slot, row), priced[row])
        np.testing.assert_allclose(held.excess, excess[row], rtol=1e-9, atol=1e-9)
        assert is_feasible(slot, held.server)
        taken = np.bincount(held.server, minlength=slot.num_actions)
        np.testing.assert_array_equal(held.spare, slot.capacity - taken)
        total = excess[row][np.arange(slot.num_devices), held.server].sum()
        assert total <= least_in_all(excess[row], slot.capacity) + 0.1


@pytest.mark.parametrize("scenario", [TIGHT, ROOMY, BARRED], ids=["tight", "roomy", "barred"])
def test_no_network_costs_more_than_is_allowed_beyond_the_places_held(scenario):
    slots = scenario.sample(8, 4)
    allowed = held_places.ALLOWED * scenario.num_devices
    for seed in range(3):
        policy = careless(scenario, seed)
        chosen, excess = policy(slots), excess_of(slots, policy.observer)
        assert is_feasible(slots, chosen).all()
        for row, slot in enumerate(slots):
            paid = excess[row][np.arange(slot.num_devices), chosen[row]].sum()
            assert paid <= least_in_all(excess[row], slot.capacity) + allowed + 0.1


def test_the_last_device_keeps_the_one_server_that_is_near_it():
    scenario = Scenario(num_devices=3, num_servers=2, capacity=(1, 2))
    gain = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1e-3]])  # the others do as well at the second
    cycles = np.array([2e9, 1.8e9, 1.5e9])  # in the order of the decisions, largest first
    slot = Instance(**scenario.sample(1, 0)[0].arrays() | {"gain": gain, "task_cycles": cycles})
    for seed in range(8):
        assert careless(scenario, seed)(slot)[-1] == 0


def test_it_makes_no_difference_in_which_order_devices_stand():
    policy, slots = careless(TIGHT, 2), TIGHT.sample(4, 1)
    mixed = np.random.default_rng(0).permuted(np.tile(np.arange(TIGHT.num_devices), (4, 1)), axis=1)
    expected = np.take_along_axis(policy(slots), mixed, axis=1)
    np.testing.assert_array_equal(policy(slots.of_devices(mixed)), expected)


def test_batches_are_assigned_slot_by_slot():
    policy, slots = careless(TIGHT, 5), TIGHT.sample(5, 6)
    together = policy(slots)
    for row, slot in enumerate(slots):
        np.testing.assert_array_equal(policy(slot), together[row])


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("prices", Scenario.preset("online")),
        ("prices", Scenario.preset("fast-fading")),
        ("servers", Scenario.preset("slack")),
    ],
)
def test_nothing_is_held_where_something_is_hidden_or_no_prices_are_planned(name, scenario):
    observer, slots = observations.make(name, scenario), scenario.sample(2, 0)
    assert observer.priced(slots, observer.prepare(slots)).shape == (2, 0, slots.num_actions)


def test_what_ships_is_not_held_back_on_ordinary_slots(monkeypatch):
    policy, slots = load_policy("regret-family"), Scenario.preset("slack").sample(300, 77)
    held = policy(slots)
    monkeypatch.setattr(
        PricesObservation,
        "priced",
        lambda self, slots, prepared: np.empty((len(slots), 0, slots.num_actions)),
    )
    np.testing.assert_array_equal(policy(slots), held)
