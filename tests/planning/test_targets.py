"""Targets: what texts say, and that nothing counts as met whose interval reaches beyond."""

import pytest

from mec_gym import Scenario
from mec_gym.planning.measures import Measure, Played
from mec_gym.planning.targets import Target


def played(feasible=1.0, **quantities):
    measures = {name: Measure(*each) for name, each in quantities.items()}
    return Played("some", measures, 0.0, 0.0, feasible, (1.0,), None, 1)


@pytest.mark.parametrize(
    ("text", "name", "limit"),
    [
        ("p95 <= 0.2 s", "p95", 0.2),
        ("p95<=200ms", "p95", 0.2),
        (" mean < 1e3 us ", "mean", 1e-3),
        ("p50 ≤ 0.25", "p50", 0.25),
        ("cost <= 2", "cost", 2.0),
        ("energy <= 40 mJ", "energy", 0.04),
        ("energy <= 2 J", "energy", 2.0),
        ("met >= 99.5 %", "met", 0.995),
        ("met > 0.9", "met", 0.9),
        ("backlog <= 20 ms", "backlog", 0.02),
        ("handovers <= 5 %", "handovers", 0.05),
        ("dropped <= 0.01", "dropped", 0.01),
    ],
)
def test_a_text_says_a_quantity_and_its_limit_in_si(text, name, limit):
    target = Target.parse(text)
    assert (target.name, target.limit) == (name, pytest.approx(limit))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast", ["'fast'", '"p95 <= 0.2 s"']),
        ("p96 <= 1 s", ["no 'p96'", "p95"]),
        ("p95 >= 1 s", ["takes <="]),
        ("met <= 90 %", ["takes >="]),
        ("p95 <= 1 J", ["'J' is no unit of p95", "ms"]),
        ("met >= 99", ["100 % at most"]),
        ("p95 <= 0 s", ["above 0"]),
        ("p95 <= 1e999 s", ["give a finite number"]),
        ("p95 <= 1e-e s", ["1e-e"]),
    ],
)
def test_what_says_none_is_refused_with_the_remedy(text, words):
    with pytest.raises(ValueError, match=r"^target: ") as error:
        Target.parse(text)
    assert all(word in str(error.value) for word in words)


def test_the_share_of_deadlines_met_needs_deadlines():
    target = Target.parse("met >= 90 %")
    with pytest.raises(
        ValueError, match="target: met needs deadlines; give the network deadline_s"
    ):
        target.check(Scenario().sample(1, 0))
    target.check(Scenario.preset("deadlines").sample(1, 0))


@pytest.mark.parametrize(
    ("measure", "verdict"),
    [
        ((0.8, 0.7, 0.99), "met"),
        ((0.8, 0.7, 1.0), "met"),
        ((0.8, 0.7, 1.01), "perhaps"),
        ((1.01, 0.9, 1.1), "missed"),
        ((0.8, None, None), "perhaps"),
    ],
)
def test_an_upper_limit_is_met_only_by_the_upper_end(measure, verdict):
    assert Target.parse("p95 <= 1 s").verdict(played(p95=measure)) == verdict


@pytest.mark.parametrize(
    ("measure", "verdict"),
    [((0.95, 0.91, 0.99), "met"), ((0.95, 0.89, 0.99), "perhaps"), ((0.89, 0.8, 0.95), "missed")],
)
def test_a_lower_limit_is_met_only_by_the_lower_end(measure, verdict):
    assert Target.parse("met >= 90 %").verdict(played(met=measure)) == verdict


def test_what_exceeds_capacity_meets_nothing():
    assert Target.parse("p95 <= 1 s").verdict(played(0.99, p95=(0.1, 0.1, 0.1))) == "missed"


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        ("backlog <= 1 s", {}, "needs slots that follow one another"),
        ("handovers <= 5 %", {"slots": 2, "slot_s": 1.0}, "takes a network with handover_s"),
        ("dropped <= 5 %", {"slots": 2, "slot_s": 1.0}, "takes a network with drop_penalty_s"),
    ],
)
def test_what_the_network_does_not_have_is_no_target_of_it(text, fields, words):
    with pytest.raises(ValueError, match=f"^target: .*{words}"):
        Target.parse(text).check(Scenario(**fields).sample(1, 0))


def test_only_limits_of_delays_say_when_a_task_is_too_slow():
    said = {"p95 <= 0.2 s": 0.2, "mean <= 1 s": 1.0, "cost <= 1 s": None, "backlog <= 1 s": None}
    for text, slowest in said.items():
        assert Target.parse(text).slowest_s == slowest
