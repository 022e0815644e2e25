"""The trace of the preset drive: what the script draws, and what vehicles do on streets."""

import numpy as np
import pytest

from benchmarks import streets
from mec_gym import Scenario


@pytest.fixture(scope="module")
def places():
    return streets.driven()


def test_the_trace_that_ships_is_the_one_that_the_script_draws():
    assert streets.TRACE.read_text(encoding="utf-8") == streets.trace()


def test_between_its_rows_the_trace_is_what_was_driven(places):
    fields = {"num_devices": streets.VEHICLES, "slots": streets.SECONDS + 1}
    scenario = Scenario.preset("drive", **fields)
    found = scenario.sample_episodes(1, 0, places=True).slots.device_places_m[0]
    assert np.abs(found - places).max() < streets.OFF_M + 0.05
    assert len(scenario.mobility.table) < places.shape[0] * places.shape[1] / 5


def test_vehicles_stay_on_the_streets_and_on_their_right(places):
    at = (places - streets.EDGE_M) / streets.BLOCK_M
    off = np.abs(at - np.round(at)) * streets.BLOCK_M
    assert (off.min(axis=-1) < streets.LANE_M + 0.1).all()
    assert at.min() > -0.1
    assert at.max() < streets.ROADS - 0.9
    moved = np.diff(places, axis=0)
    straight = (np.abs(moved).min(axis=-1) < 0.05) & (np.abs(moved).max(axis=-1) > 1)
    way = moved / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-9)
    right = np.stack([way[..., 1], -way[..., 0]], axis=-1)
    offset = ((at[:-1] - np.round(at[:-1])) * streets.BLOCK_M * right).sum(axis=-1)
    assert offset[straight] == pytest.approx(streets.LANE_M, abs=0.11)


def test_vehicles_keep_to_their_speeds_and_stop_at_lights(places):
    speed = np.linalg.norm(np.diff(places, axis=0), axis=-1)
    assert speed.max() < streets.SPEED_MPS[1] + 0.2
    assert 0.1 < (speed == 0).mean() < 0.5
    stopped = places[:-1][speed == 0]
    from_line = np.abs((stopped - streets.EDGE_M) / streets.BLOCK_M % 1 - 0.5).max(axis=-1)
    assert (from_line * streets.BLOCK_M > 40).all()  # none in the middle of a block


def test_lights_are_green_for_one_direction_at_a_time():
    grid = streets.Streets(np.random.default_rng(0))
    for second in range(90):
        for column, row in np.ndindex(2, 2):
            east = grid._is_green(streets.Lane(column, row + 1, 0), second)
            north = grid._is_green(streets.Lane(column + 1, row, 1), second)
            assert not (east and north)


def test_servers_stand_at_crossings_and_load_is_near_what_is_said():
    scenario = Scenario.preset("drive")
    at = (np.array(scenario.channel.server_positions_m) - streets.EDGE_M) / streets.BLOCK_M
    assert (at == np.round(at)).all()
    mean_work = scenario.num_decisions / scenario.slots * np.mean(scenario.task_cycles)
    load = mean_work / (scenario.deployment_hz.sum() * scenario.slot_s)
    assert load == pytest.approx(0.8, abs=0.02)
