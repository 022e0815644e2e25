"""Scenarios of a family: drawn by seed, within the ranges, of every kind."""

from typing import get_args

import numpy as np
import pytest

from mec_gym.families import FAMILIES, WIDE, ScenarioFamily, scenarios_of
from mec_gym.problem import Problem

DRAWN = ScenarioFamily().scenarios(60, 1)


def test_the_first_scenarios_are_those_of_a_shorter_draw_and_other_seeds_give_others():
    assert ScenarioFamily().scenarios(5, 1) == DRAWN[:5]
    assert ScenarioFamily().scenarios(5, 2) != DRAWN[:5]
    assert ScenarioFamily(columns=0.0).scenarios(3, 1)[0].num_servers == DRAWN[0].num_servers


def test_every_kind_is_among_them_and_each_lies_in_the_ranges():
    assert {each.channel.kind for each in DRAWN} == {"uniform", "path-loss"}
    assert len({each.columns for each in DRAWN}) >= 3
    tight = [
        each.num_servers * each.capacity < each.num_devices + each.num_servers for each in DRAWN
    ]
    assert 10 < sum(tight) < 50
    for each in DRAWN:
        assert 2 <= each.num_servers <= 8
        assert 1.5 <= each.num_devices / each.num_servers <= 8.5
        assert 2e9 <= each.server_hz[0] < each.server_hz[1] <= 24.1e9


def test_slots_of_each_can_be_assigned():
    for each in DRAWN[:12]:
        Problem.of(each.sample(3, 0)).require_feasible()


def test_wider_ones_have_more_servers_unequal_places_and_crowds():
    wide = WIDE.scenarios(40, 1)
    assert wide[:5] == WIDE.scenarios(5, 1)
    assert max(each.num_servers for each in wide) > 16
    unequal = [each for each in wide if not isinstance(each.capacity, int)]
    assert 8 < len(unequal) < 32
    for each in unequal:
        assert each.num_devices <= sum(each.capacity)
        assert min(each.capacity) >= 1
    crowds = [each.channel.clusters for each in wide if each.channel.kind == "path-loss"]
    assert None in crowds
    assert len({*crowds}) > 2
    for each in wide[:6]:
        Problem.of(each.sample(2, 0)).require_feasible()


def test_training_draws_from_families_in_turn():
    both = scenarios_of("both", 5, 3)
    assert both[::2] == ScenarioFamily().scenarios(3, 3)
    assert both[1::2] == WIDE.scenarios(2, 3)
    assert scenarios_of("small", 4, 3) == ScenarioFamily().scenarios(4, 3)


def test_what_later_devices_bring_may_be_hidden():
    assert all(each.lookahead == 0 for each in ScenarioFamily().scenarios(4, 1, lookahead=0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_servers", (0, 3)),
        ("spare", (2.0, 1.5)),
        ("side_m", (0.0, 10.0)),
        ("fastest", (0.5, 2.0)),
        ("slowest_hz", (1e9, np.inf)),
        ("tight", 1.5),
    ],
)
def test_a_range_that_is_none_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        ScenarioFamily(**{field: value})


def test_a_training_may_name_each_of_the_families():
    config = pytest.importorskip("mec_gym.sb3.run.config")
    assert get_args(config.TrainConfig.model_fields["family_of"].annotation) == (*FAMILIES,)
