"""What arrives over what servers can do: as drawn episodes have it, and what must come of it."""

import numpy as np
import pytest

from mec_gym import Scenario, episodes
from mec_gym.workload import beyond, loads, mean_load

BUSY = {"slots": 4, "slot_s": 0.3, "capacity": 9}
SHARES = (0.0, (0.1, 0.2, 0.3), 0.5, 0.9)
FILE = {"slot": [0, 1, 2], "share": [0.1, 0.8, 0.3]}
LISTED = {
    "num_devices": 2,
    "tasks": {
        "slot": [0, 0, 1, 2, 3, 4, 5],
        "device": ["a", "b", "a", "b", "b", "a", "a"],
        "bits": [1e5] * 7,
        "cycles": [4e8, 5e8, 8e8, 1e9, 7e8, 1.1e9, 9e8],
    },
}

KINDS = {
    "all have tasks": {},
    "by chance": {"arrivals": {"probability": (0.2, 0.9, 0.5, 0.7)}},
    "a number of them": {"arrivals": {"kind": "poisson", "probability": 0.8}},
    "levels of others": {"background": {"levels": [0.0, 0.5, 0.8], "stay": 0.7}},
    "a table of others": {"background": {"shares": SHARES}},
    "servers drawn anew": {"servers": "per-slot"},
    "work by the bit": {"cycles_per_bit": (1e3, 5e3)},
    "others in a file": {"background": {"table": FILE, "begin": 2}},
    "others in a file, from anywhere": {"background": {"table": FILE, "begin": "drawn"}},
    "tasks as a table has them": {"arrivals": {"kind": "table"}, **LISTED},
    "windows of a table": {"arrivals": {"kind": "table", "begin": "drawn"}, **LISTED},
    "a table of tasks": {"tasks": {"bits": [3e5, 4e5, 5e5], "cycles": [1e9, 5e8, 3e9]}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_loads_are_the_means_of_drawn_episodes(kind):
    scenario = Scenario(**BUSY, **KINDS[kind])
    drawn = scenario.sample_episodes(3000, 1)
    arriving = (drawn.slots.task_cycles * drawn.present).sum(axis=-1).mean(axis=0)
    doable = drawn.slots.server_hz.sum(axis=-1).mean(axis=0) * 0.3
    assert loads(scenario) == pytest.approx(arriving / doable, rel=0.02)
    assert mean_load(scenario) == pytest.approx(arriving.sum() / doable.sum(), rel=0.02)


@pytest.mark.parametrize("policy", [0, 1, "turns"])
def test_where_it_says_so_work_left_over_rises_at_least_so_much_whatever_is_decided(policy):
    scenario = Scenario(**BUSY, background={"levels": [0.0, 0.5]})
    drawn = scenario.sample_episodes(50, 2)

    def choose(slots, number):
        shape = slots.task_cycles.shape
        return np.broadcast_to(np.arange(9) % 3 if policy == "turns" else policy, shape)

    left = episodes.play(drawn, choose).backlog_cycles.sum(axis=-1)
    rise = np.diff(left, axis=-1, prepend=0.0)
    more = drawn.slots.task_cycles.sum(axis=-1) - 0.3 * drawn.slots.server_hz.sum(axis=-1)
    assert beyond(scenario)
    assert (rise >= more - 1e-3).all()


def test_it_says_how_much_work_is_left_over_in_every_slot():
    scenario = Scenario(**BUSY | {"servers": "listed", "server_hz": (5e9, 10e9, 15e9)})
    # 9 x 1.25e9 cycles arrive, 30e9 x 0.3 s can be done: 2.25e9 more, 0.075 s on all servers.
    assert beyond(scenario) == (
        "load 1.25: the servers cannot do this work; what is left over grows by about 0.075 s a"
        " slot, whatever the policy"
    )


@pytest.mark.parametrize(
    ("probability", "named"),
    [
        ((0.1, 1.0, 1.0, 0.1), "slots 1-2 of 4, load up to 1.25: "),
        ((1.0, 0.1, 1.0, 0.1), "slots 0, 2 of 4, "),
        ((0.1, 0.1, 0.1, 1.0), "slot 3 of 4, "),
    ],
)
def test_of_a_profile_it_names_the_slots(probability, named):
    hz = {"servers": "listed", "server_hz": (5e9, 10e9, 15e9)}
    said = beyond(Scenario(**BUSY, **hz, arrivals={"probability": probability}))
    assert said.startswith(named)
    assert "by about 0.075 s a slot" in said


@pytest.mark.parametrize(
    "fields",
    [
        {"slot_s": 0.6},
        {"left_over": "forgotten"},
        {"local_hz": 1e9},
        {"drop_penalty_s": 3.0},
        {"cloud_delay_s": 0.1, "cloud_hz": 1e10},
    ],
)
def test_it_says_nothing_where_servers_can_or_tasks_may_go_elsewhere(fields):
    assert beyond(Scenario(**BUSY | fields)) == ""


def test_one_slot_has_no_load():
    assert beyond(Scenario()) == ""
    with pytest.raises(ValueError, match=r"^slot_s: needed"):
        loads(Scenario())
