"""Slots that are drawn as they begin are those of episodes that are drawn as a whole."""

import numpy as np
import pytest
from over_time import ARRIVING, OPTIONS, PLAIN

from mec_gym import Scenario, links, observations
from mec_gym.envs.drawn import AT
from mec_gym.envs.episode_stock import EpisodeStock

COPIES = 3


def stock_of(scenario, observation):
    return EpisodeStock(scenario, observations.make(observation, scenario), COPIES, 1)


@pytest.mark.parametrize("observation", ["paper", "servers", "si"])
@pytest.mark.parametrize("fields", [PLAIN, ARRIVING])
def test_they_have_the_numbers_of_from_uniforms_bit_for_bit(fields, observation):
    scenario = Scenario(**fields)
    stock, observer = stock_of(scenario, observation), observations.make(observation, scenario)
    stock.seed({copy: np.random.default_rng(copy) for copy in range(COPIES)})
    theirs = [scenario.draw_episodes(3, np.random.default_rng(copy)) for copy in range(COPIES)]
    in_turn, drawn = stock.following.in_turn, stock.following.drawn.numbers
    copies, course = np.arange(COPIES), stock.following.course
    for which in range(3):
        rows = stock.begin_next(copies)
        assert (rows < stock.first_given).all()
        for number in range(scenario.slots):
            course.episode[:], course.number[:] = rows, number - 1
            in_turn.draw(course, copies)
            for copy, episodes in enumerate(theirs):
                slot, present = episodes.slots[which, number], episodes.present[which, number]
                np.testing.assert_array_equal(drawn.present[rows[copy], number], present)
                np.testing.assert_array_equal(drawn.tx_delay[copy], slot.tx_delay)
                np.testing.assert_array_equal(drawn.task_cycles[copy], slot.task_cycles)
                np.testing.assert_array_equal(drawn.size[copy], links.size(slot))
                np.testing.assert_array_equal(drawn.server_hz[copy], slot.server_hz)
                shown = observer.prepare(slot).ravel()
                np.testing.assert_array_equal(drawn.shown[copy].view(shown.dtype), shown)
                if slot.handover_s is not None:
                    handover_s = drawn.others[copy, :, drawn.starts[AT.handover_s]]
                    np.testing.assert_array_equal(handover_s, slot.handover_s)


@pytest.mark.parametrize(
    ("fields", "observation"), [(OPTIONS, "paper"), (PLAIN, "prices"), ("walk", "servers")]
)
def test_where_loops_do_not_make_slots_episodes_are_drawn_as_a_whole(fields, observation):
    stock = stock_of(Scenario.of(fields), observation)
    assert stock.following.in_turn is None
    assert stock.following.drawn.numbers.in_turn == 0
