"""What actions are composed of: in plain Python, compiled, and derived anew."""

import numpy as np
import pytest
from any_options import Oracle, random_slot

from mec_gym import links
from mec_gym.actions import Actions, Given, compose


def given_of(slot):
    """The numbers of a slot, of length 0 what it does not have."""
    values = {name: getattr(slot, name, None) for name in Given._fields}
    if slot.backlog_cycles is not None:
        values["wait"] = slot.backlog_cycles / slot.server_hz
    missing = {name: np.empty((0, 0) if name in PER_LINK else 0) for name in Given._fields}
    return Given(**{name: missing[name] if v is None else v for name, v in values.items()})


PER_LINK = ("covered", "fetch_delay_s")


def test_each_action_is_what_the_model_says():
    rng = np.random.default_rng(3)
    composed = barred = 0
    for _ in range(300):
        slot = random_slot(rng)
        oracle, made = Oracle(slot), links.of(slot)
        per_joule = np.zeros(slot.num_devices) if slot.energy_weight is None else slot.energy_weight
        for device in range(slot.num_devices):
            for action in range(oracle.actions):
                may = oracle.may(device, action)
                if made.allowed.size:
                    assert made.allowed[device, action] == may
                    barred += not may
                if not may:
                    continue
                delay, energy = oracle.alone(device, action)
                cost = oracle.weight(device) * delay + per_joule[device] * energy
                assert made.delay[device, action] == pytest.approx(delay, rel=1e-12)
                assert links.energy(slot)[device, action] == pytest.approx(energy, rel=1e-12)
                assert made.cost[device, action] == pytest.approx(cost, rel=1e-12)
                composed += 1
    assert composed > 1000
    assert barred > 100


def test_compiled_loops_compose_bit_for_bit_what_plain_python_does():
    rng = np.random.default_rng(5)
    for _ in range(100):
        slot = random_slot(rng)
        made = links.of(slot)
        if made.energy.size == 0:  # nothing is opted for
            continue
        plain = Actions(*(np.empty(field.shape, field.dtype) for field in made))
        for device in range(slot.num_devices):
            compose(given_of(slot), device, plain, device)
        for one, other in zip(made, plain, strict=True):
            np.testing.assert_array_equal(one, other)


def test_plain_slots_keep_their_own_arrays_and_no_loop_is_compiled(monkeypatch):
    from mec_gym import action_loops

    monkeypatch.setattr(action_loops, "composing", None)
    plain = next(
        slot
        for slot in map(random_slot, [np.random.default_rng(seed) for seed in range(10**4)])
        if links._OF_ACTIONS.isdisjoint(slot.arrays())
    )
    made = links.of(plain)
    assert made.delay is made.cost is plain.tx_delay
    assert links.allowed(plain) is None


def test_a_batch_is_composed_as_its_slots_are_one_by_one():
    from mec_gym import Scenario

    for name in ("energy", "tiers", "deadlines"):
        slots = Scenario.preset(name).sample(6, 0)
        for row, slot in enumerate(slots):
            for one, other in zip(links.of(slots), links.of(slot), strict=True):
                np.testing.assert_array_equal(one[row], other)
