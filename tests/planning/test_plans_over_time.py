"""Plans of slots that follow one another: numbers are those of the episodes as played."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mec_gym import Instance, Scenario, episodes, policies, system
from mec_gym.benchmark.models import load_models
from mec_gym.channels import UrbanMicroChannel
from mec_gym.mobility import RandomWaypoint
from mec_gym.planning import plan, slot_pictures, tables, written
from mec_gym.planning.episodes import require_feasible, widened
from mec_gym.planning.measures import EVERY, Measure, Played
from mec_gym.planning.plan import Request
from mec_gym.planning.targets import Target

SCENARIO = Scenario(
    num_devices=5,
    num_servers=2,
    capacity=5,
    slots=5,
    slot_s=0.3,
    arrivals={"probability": 0.9},
    handover_s=0.1,
    deadline_s=2.0,
    drop_penalty_s=2.5,
)
NAMES = ("least-delay", "roa")
TARGET = Target.parse("p95 <= 700 ms")


def request(scenario=SCENARIO, **more):
    return Request("here", scenario, load_models(NAMES), 3, 1, 0.1, target=TARGET, **more)


@pytest.fixture(scope="module")
def made():
    return plan.of_network(request(), None)


def test_measures_are_those_of_the_episodes_as_they_are_played(made):
    drawn, policy = SCENARIO.sample_episodes(3, 1), policies.get("least-delay")
    played = episodes.play(drawn, lambda slots, number: policy(slots, 1 + number))
    tasks, delays = drawn.present.sum(axis=(1, 2)), played.delay[drawn.present]
    said = made.played[0].quantities
    dropped = (played.assignment == 2).sum(axis=(1, 2))
    plain = {
        "cost": (played.cost.sum(axis=(1, 2)) / tasks).mean(),
        "mean": (played.delay.sum(axis=(1, 2)) / tasks).mean(),
        "p50": np.percentile(delays, 50),
        "p95": np.percentile(delays, 95),
        "p99": np.percentile(delays, 99),
        "above": ((played.delay > 0.7).sum(axis=(1, 2)) / tasks).mean(),
        "backlog": (played.backlog_cycles / drawn.slots.server_hz).mean(),
        "dropped": (dropped / tasks).mean(),
    }
    for name, value in plain.items():
        assert said[name].value == pytest.approx(value), name
        assert said[name].low <= said[name].value <= said[name].high
    assert said.keys() == EVERY.keys()
    result = made.results[0]
    assert said["handovers"].value == pytest.approx((result.counted["handovers"] / tasks).mean())
    late = (result.counted["missed"] + result.counted["dropped"]) / tasks
    assert said["met"].value == pytest.approx(1 - late.mean())
    on_servers = [(played.assignment == action).sum() / 15 for action in range(3)]
    assert made.played[0].load == pytest.approx(on_servers)
    assert made.played[0].devices == pytest.approx(tasks.mean() / 5)


@pytest.mark.parametrize("count", [3, 4, 10])
def test_intervals_of_a_mean_of_few_episodes_hold_it_as_often_as_they_say(count):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        values = 5 + rng.normal(size=count)
        drawn = values[rng.integers(count, size=(400, count))].mean(axis=-1)
        ends = np.quantile(drawn, (0.025, 0.975)).tolist()
        wide = widened("mean", Measure(float(values.mean()), *ends), count)
        held += wide.low <= 5 <= wide.high
    assert held / 600 == pytest.approx(0.95, abs=0.03)


def test_intervals_keep_to_what_can_be():
    assert widened("above", Measure(0.5, 0.2, 0.9), 3) == Measure(0.5, 0.0, 1.0)
    assert widened("cost", Measure(0.5, 0.2, 0.9), 3).high > 1
    assert widened("cost", Measure(0.5, None, None), 1) == Measure(0.5, None, None)


def test_a_measure_is_read_back_from_json_as_it_was(made):
    for said in made.played:
        assert Played.from_json(json.loads(json.dumps(said.as_json()))) == said


def test_the_first_episode_is_shown_as_it_was_played(made):
    total, slowest = 0.0, 0.0
    for each in made.first():
        delay = system.task_delays(each.slot, each.assignment)
        total, slowest = total + delay.sum(), max(slowest, delay.mean())
    shown = made.shown
    assert total == pytest.approx(shown.delay[0, 0] * shown.tasks[0])
    slot, assignment, said = made.example
    assert system.average_delay(slot, assignment) == pytest.approx(slowest)
    assert "the slowest" in said


def test_rows_of_slots_have_each_policy_in_each(made):
    rows = list(written.slot_rows(made))
    assert [row[:2] for row in rows[:3]] == [[0, NAMES[0]], [0, NAMES[1]], [1, NAMES[0]]]
    assert len(rows) == 5 * 2
    result = made.results[0]
    assert [row[3] for row in rows[::2]] == pytest.approx(result.slot_delay.tolist())
    assert [row[4] for row in rows[::2]] == pytest.approx(result.backlog_s[0].mean(0).tolist())


def test_sentences_say_what_to_run_who_meets_the_target_and_what_servers_cannot_do(made):
    said = tables.sentences(made, TARGET)
    assert said[0].startswith("Run least-delay: ")
    assert sum(line.startswith("p95 <= 700 ms: ") for line in said) == 2
    assert not any("cannot do this work" in line for line in said)  # tasks may be dropped
    busy = Scenario(num_devices=5, num_servers=2, capacity=5, slots=3, slot_s=0.3)
    found = plan.of_network(request(busy), None)
    assert any("cannot do this work" in line for line in tables.sentences(found, TARGET))


def test_a_network_without_room_is_refused_before_work_with_its_slot():
    channel = UrbanMicroChannel(server_positions_m=((0, 0), (500, 500)))
    far = SCENARIO.replace(channel=channel, coverage_m=30.0).sample_episodes(2, 0)
    require_feasible(far)
    arrays = far.slots.arrays()
    del arrays["drop_penalty_s"]
    with pytest.raises(ValueError, match=r"\(in slot 0 of an episode\)"):
        require_feasible(replace(far, slots=Instance.trusted(**arrays)))


def test_policies_that_do_not_play_such_slots_are_refused():
    asked = Request("here", SCENARIO, load_models(["prices-online"]), 3, 1, 0.1)
    with pytest.raises(ValueError, match="prices-online does not play the network: "):
        plan.of_network(asked, None)


def test_policies_by_default_play_the_network_and_few_episodes_of_large_ones():
    assert "backlog-prices" in plan.default_policies(SCENARIO)
    forgets = SCENARIO.replace(left_over="forgotten", handover_s=None)
    assert plan.default_policies(forgets) == ("local-search", "least-delay", "roa")
    assert plan.default_instances(Scenario.preset("queues")) == 10
    assert plan.default_instances(Scenario.preset("walk")) == 4


def test_the_picture_has_a_line_a_policy_over_the_slots(made):
    pytest.importorskip("matplotlib")
    delay, backlog = slot_pictures.over_slots(made, "a name", TARGET).axes
    for place, each in enumerate(made.played):
        np.testing.assert_allclose(delay.lines[place].get_ydata(), each.over_time.slot_delay)
        np.testing.assert_allclose(backlog.lines[place].get_ydata(), each.over_time.backlog_s)
    assert set(delay.lines[2].get_ydata()) == {TARGET.limit}
    assert backlog.get_xlabel() == "slot"
    assert (delay.get_ylabel(), backlog.get_ylabel()) == ("delay, s", "work left over, s")


def test_users_that_move_are_on_the_map_of_the_slowest_slot():
    pytest.importorskip("matplotlib")
    from mec_gym.planning import pictures

    moving = SCENARIO.replace(
        channel=UrbanMicroChannel(), mobility=RandomWaypoint(), slots=3, noise_psd=4e-21
    )
    found = plan.of_network(request(moving), None)
    figure = pictures.map_of(found, "a name")
    assert "the slowest of an episode" in figure.axes[0].get_title()


def test_yardsticks_stand_in_what_is_written(made):
    said = written.network_json(request(), made)
    found = made.results[0].yardsticks
    assert said["bound"]["mean_cost"] == pytest.approx(found.bound.mean())
    assert said["bound"]["mean_cost"] <= said["best_known"] == found.best_known.mean()
    assert said["slots"] == len(said["loads"]) == 5
    assert said["policies"][0]["target"] in ("met", "perhaps", "missed")
    json.dumps(said, allow_nan=False)
