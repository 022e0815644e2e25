"""The strip below a picture: work left over and delay of the slots so far, as they were played."""

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import Scenario, policies
from mec_gym.envs import rendering
from mec_gym.envs.offload import OffloadEnv
from mec_gym.envs.strip import Past, draw_strip

pytest.importorskip("matplotlib")

FIELDS = {"num_devices": 3, "num_servers": 2, "capacity": 3, "slots": 4, "slot_s": 0.2}


def drawn(past, now=None):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 2.0))
    draw_strip(figure, past, now)
    return figure.axes


def past_of(num_servers, slots=3):
    past = Past(5)
    for number in range(slots):
        past.add(number, np.arange(num_servers) + 0.5 * number, 0.3 + number)
    return past


def test_lines_are_what_was_added_with_units_names_and_the_slot_being_played():
    backlog, delay = drawn(past_of(2), now=3)
    for server in range(2):
        line = backlog.lines[server]
        assert line.get_label() == f"server {server}"
        np.testing.assert_allclose(line.get_ydata(), [server, server + 0.5, server + 1.0])
    np.testing.assert_allclose(delay.lines[0].get_ydata(), [0.3, 1.3, 2.3])
    for axes in (backlog, delay):
        assert set(axes.lines[-1].get_xdata()) == {3}
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("slot", "seconds")
        assert axes.get_xlim() == (-0.5, 4.5)
        assert "this slot" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert "W / F" in backlog.get_title()


def test_of_many_servers_the_mean_stands_out():
    backlog, _ = drawn(past_of(20))
    named = {line.get_label(): line for line in backlog.lines if line.get_label()[0] != "_"}
    assert named.keys() == {"each server", "mean"}
    np.testing.assert_allclose(named["mean"].get_ydata(), [9.5, 10.0, 10.5])


def test_before_the_first_slot_ends_it_is_empty():
    for axes in drawn(Past(5), now=0):
        assert not len(axes.get_yticks())


def test_an_environment_keeps_each_slot_that_ends_and_forgets_them_when_it_begins_anew():
    env = OffloadEnv(Scenario(**FIELDS), render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (800, 960, 3)
    over, backlogs, delays, pictures = False, [], [], set()
    while not over:
        hz = env.instance.server_hz
        _, _, over, _, info = env.step(0)
        if "slot" in info:
            backlogs.append(info["backlog_cycles"] / hz)
            delays.append(info["average_delay"])
            pictures.add(env.render().tobytes())
    assert len(pictures) == 4
    assert env._past.numbers == [0, 1, 2, 3]
    np.testing.assert_array_equal(env._past.backlog_s, backlogs)
    np.testing.assert_array_equal(env._past.delay, delays)
    env.reset(seed=1)
    assert env._past.numbers == []


def test_one_slot_has_no_strip_and_text_is_as_it_was():
    env = gym.make("mec_gym:MEC-Offload-v0", render_mode="rgb_array")
    env.reset(seed=0)
    state = env.unwrapped._state
    assert env.render().shape == (600, 960, 3)
    np.testing.assert_array_equal(env.render(), rendering.picture(state))
    text = OffloadEnv(Scenario(**FIELDS), render_mode="ansi")
    text.reset(seed=0)
    for action in policies.get("roa")(text.instance, 0).tolist():
        text.step(action)
    assert text._past is None
