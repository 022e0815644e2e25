"""Random waypoints, against the ways of single devices walked anew in plain numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mec_gym import Scenario
from mec_gym.mobility import Area, RandomWaypoint

AREA = Area((0.0, 0.0), 300.0)


def ways(model, num_slots, num_devices, slot_s, n=20, seed=0, area=AREA):
    """Places of n episodes, (n, K, M, 2), and the numbers and starts they are made of."""
    rng = np.random.default_rng(seed)
    unit = rng.random((n, model.num_uniforms(num_slots, num_devices)))
    start = np.array(area.corner_m) + area.side_m * rng.random((n, num_devices, 2))
    return model.places(unit, start, num_slots, slot_s, area), unit, start


def walked(legs, start, slot_s, num_slots, side, speeds, pauses):
    """Where one device is at each slot's begin: its legs as pieces of time, looked up."""
    pieces, clock, at = [], 0.0, np.array(start)
    for x, y, speed, pause in legs:
        goal = side * np.array([x, y])
        took = math.dist(goal, at) / (speeds[0] + (speeds[1] - speeds[0]) * speed)
        pieces.append((clock, clock + took, at, goal))
        rest = pauses[0] + (pauses[1] - pauses[0]) * pause
        pieces.append((clock + took, clock + took + rest, goal, goal))
        clock, at = clock + took + rest, goal
    found = []
    for slot in range(num_slots):
        now = slot * slot_s
        begin, end, a, b = next(piece for piece in pieces if now <= piece[1])
        share = 0.0 if end == begin else (now - begin) / (end - begin)
        found.append(a + share * (b - a))
    return np.array(found)


@pytest.mark.parametrize("slot_s", [0.5, 20.0, 150.0])
def test_each_device_walks_its_legs(slot_s):
    model = RandomWaypoint(speed_mps=(1.0, 3.0), pause_s=(0.0, 40.0))
    places, unit, start = ways(model, 12, 3, slot_s)
    legs = unit.reshape(20, 20, 3, 4)  # 12 + 8 of them
    for row in range(20):
        for device in range(3):
            expected = walked(
                legs[row, :, device], start[row, device], slot_s, 12, 300.0, (1.0, 3.0), (0.0, 40.0)
            )
            np.testing.assert_allclose(places[row, :, device], expected, atol=1e-6)


def test_ways_are_straight_and_speeds_constant_between_turns():
    places, _, _ = ways(RandomWaypoint(speed_mps=2.0), 200, 5, 1.0)
    steps = np.diff(places, axis=1)
    far = np.linalg.norm(steps, axis=-1)
    assert (far <= 2.0 + 1e-9).all()
    turned = abs(far - 2.0) > 1e-9  # within a slot
    assert 0.003 < turned.mean() < 0.03  # a leg of 156 m on average takes 78 slots
    straight = np.linalg.norm(np.diff(steps, axis=1), axis=-1) < 1e-9
    assert (straight | turned[:, 1:] | turned[:, :-1]).all()


def test_devices_that_pause_stay_for_so_long():
    places, _, _ = ways(RandomWaypoint(speed_mps=50.0, pause_s=10.0), 400, 4, 1.0)
    stays = (np.diff(places, axis=1) == 0).all(axis=-1)
    for row in stays.swapaxes(1, 2).reshape(-1, 399):
        edges = np.flatnonzero(np.diff(row.astype(int)))
        runs = np.diff(edges)[int(row[0]) :: 2] if not row[0] else np.diff(edges)[1::2]
        assert set(runs.tolist()) <= {9, 10}  # whole slots within 10 s
    # Of the time of a leg 10 s are a pause, and 156 m / 50 m/s a way.
    assert stays.mean() == pytest.approx(9 / (10 + 0.5214 * 300 / 50), abs=0.08)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 8),
    st.floats(0.1, 500.0),
    st.floats(0, 1),
    st.floats(0.01, 50.0),
    st.floats(0, 100),
    st.integers(0, 2**32),
)
def test_devices_stay_in_the_square_and_never_go_faster(slots, slot_s, low, high, pause, seed):
    model = RandomWaypoint(speed_mps=(low * high + 1e-3, high + 2e-3), pause_s=pause)
    area = Area((-50.0, 20.0), 120.0)
    places, _, start = ways(model, slots, 3, slot_s, n=4, seed=seed, area=area)
    np.testing.assert_array_equal(places[:, 0], start)
    assert (places >= np.array([-50.0, 20.0])).all()
    assert (places <= np.array([70.0, 140.0])).all()
    far = np.linalg.norm(np.diff(places, axis=1), axis=-1)
    assert (far <= (high + 2e-3) * slot_s * (1 + 1e-9) + 1e-9).all()


@pytest.mark.parametrize("end", [0.0, 1 - 2**-53])
def test_the_ends_of_the_numbers_end(end):
    model = RandomWaypoint(speed_mps=1.0)
    unit = np.full(model.num_uniforms(5, 2), end)
    assert np.isfinite(model.places(unit, np.full((2, 2), 7.0), 5, 1.0, AREA)).all()


def test_episodes_at_once_are_those_one_by_one():
    model = RandomWaypoint(speed_mps=(5.0, 30.0), pause_s=(0.0, 3.0))
    places, unit, start = ways(model, 30, 6, 2.0)
    for row in range(20):
        alone = model.places(unit[row], start[row], 30, 2.0, AREA)
        np.testing.assert_array_equal(alone, places[row])
    nested = model.places(unit.reshape(4, 5, -1), start.reshape(4, 5, 6, 2), 30, 2.0, AREA)
    np.testing.assert_array_equal(nested.reshape(places.shape), places)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"speed_mps": 0.0}, "mobility: speed_mps"),
        ({"speed_mps": [3.0, 2.0]}, "mobility: speed_mps"),
        ({"pause_s": -1.0}, "mobility: pause_s: -1.0 must be finite and 0 or more"),
        ({"pause_s": [1.0, 2.0, 3.0]}, "mobility: pause_s: .* must be one number or a range"),
        ({"speed": 1.0}, "mobility: speed: no such field; did you mean speed_mps"),
        ({"speed_mps": 1e6}, "mobility.speed_mps: 1e[+]06 m/s are 1e[+]06 m in a slot of 1 s"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, said):
    with pytest.raises(ValueError, match=said):
        Scenario(
            slots=3,
            slot_s=1.0,
            channel={"kind": "path-loss"},
            mobility={"kind": "random-waypoint"} | fields,
        )
