"""What a scenario may have beside the paper's: what is refused, and how slots are drawn."""

import numpy as np
import pytest
from any_options import ALL_AT_ONCE

from mec_gym import Scenario, links
from mec_gym.channels import PathLossChannel
from mec_gym.problem import Problem

PLACES = PathLossChannel(side_m=400.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cloud_delay_s": 0.1}, "cloud_delay_s: it means nothing without cloud_hz"),
        ({"cloud_hz": 1e10}, "cloud_hz: it means nothing without cloud_delay_s"),
        ({"switched_capacitance": 1e-27}, "switched_capacitance: .* without local_hz"),
        ({"fetch_delay_s": 0.1}, "fetch_delay_s: .* without services"),
        ({"delay_weight": 0.0}, "delay_weight: 0.0 must be finite and above 0"),
        ({"delay_weight": [1.0, 2.0, 3.0]}, "delay_weight: 3 values; needs .* or 9, one each"),
        ({"energy_weight": -1.0}, "energy_weight: -1.0 must be finite and 0 or more"),
        ({"energy_weight": []}, "energy_weight: .* a number, a range"),
        ({"local_hz": float("inf")}, "local_hz: inf must be finite"),
        ({"deadline_s": [0.5, 0.2]}, "deadline_s: 2 values; needs"),
        ({"drop_penalty_s": "much"}, "drop_penalty_s: 'much' is not a number"),
        ({"coverage_m": 100.0}, "coverage_m: devices and servers have no places .*path-loss"),
        ({"services": [[0], [1]]}, "services: 2 lists; needs 3, one a server"),
        ({"services": [[], [], []]}, "services: needs numbers of services"),
        ({"services": [[0], [-1], [1]]}, "services: needs numbers of services"),
        ({"services": [[0], [1.5], [1]]}, "services"),
        ({"local_hz": 1e200}, "local_hz: tasks may cost more than any number"),
        ({"local_hz": 1e-308}, "local_hz: tasks may cost more than any number"),
        ({"local_hz": 1e9, "switched_capacitance": 1e308}, "local_hz: tasks may cost more"),
        ({"delay_weight": [1.0, 1e308]}, "delay_weight: tasks may cost more than any number"),
        ({"cloud_delay_s": 0.0, "cloud_hz": 1e-308}, "cloud_delay_s, cloud_hz: tasks may cost"),
        ({"drop_penalty_s": 1e308}, "drop_penalty_s: tasks may cost more than any number"),
    ],
)
def test_what_does_not_fit_is_refused_by_field_with_the_remedy(fields, words):
    with pytest.raises(ValueError, match=words):
        Scenario(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"deadline_s": 0.05}, r"deadline_s: of \d+ slots drawn, allowed: device \d"),
        ({"channel": PLACES, "noise_psd": 4e-21, "coverage_m": 60.0}, "coverage_m: of .*device"),
        ({"services": [[0], [1], [2]]}, "services: of .* finds no place"),
    ],
)
def test_a_scenario_of_whose_tasks_some_have_no_action_is_refused_unless_they_may_be_dropped(
    fields, words
):
    with pytest.raises(ValueError, match=f"{words}.*or give drop_penalty_s"):
        Scenario(**fields)
    scenario = Scenario(**fields, drop_penalty_s=3.0)
    Problem.of(scenario.sample(50, 1)).require_feasible()


def test_two_values_are_a_range_and_as_many_as_devices_are_one_each():
    drawn = Scenario(energy_weight=[0.0, 2.0]).sample(500, 0).energy_weight
    assert 0 <= drawn.min() < 0.05
    assert 1.95 < drawn.max() <= 2
    each = Scenario(num_devices=3, deadline_s=[3.0, 1.0, 2.0], drop_penalty_s=9.0).sample(4, 0)
    assert (each.deadline_s == [3.0, 1.0, 2.0]).all()
    two = Scenario(num_devices=2, local_hz=[2e9, 1e9]).sample(1, 0)
    assert (two.local_hz == [2e9, 1e9]).all()


def test_what_is_opted_for_changes_nothing_else_of_a_slot():
    plain, more = Scenario(), Scenario(**{k: v for k, v in ALL_AT_ONCE.items() if k in OF_PLAIN})
    one, other = plain.sample(20, 7), more.sample(1, 7)
    for name, array in one[0].arrays().items():
        np.testing.assert_array_equal(other[0].arrays()[name], array, name)


OF_PLAIN = {"delay_weight", "energy_weight", "local_hz", "cloud_delay_s", "cloud_hz"}


def test_services_are_asked_for_equally_often_and_fetched_or_barred():
    fields = {"services": [[0, 1, 2], [1, 2], [2]], "drop_penalty_s": 9.0}
    barred = Scenario(**fields).sample(2000, 0).fetch_delay_s
    share = np.isfinite(barred).mean(axis=(0, 1))  # of tasks that a server hosts
    np.testing.assert_allclose(share, [1, 2 / 3, 1 / 3], atol=0.02)
    fetched = Scenario(**fields, fetch_delay_s=0.2).sample(2000, 0).fetch_delay_s
    np.testing.assert_array_equal(fetched, np.where(np.isfinite(barred), 0, 0.2))


def test_coverage_is_by_distance():
    given = {"num_devices": 4, "num_servers": 2, "channel": PLACES, "noise_psd": 4e-21}
    scenario = Scenario(**given, coverage_m=120.0, drop_penalty_s=5.0)
    unit = np.random.default_rng(0).random((300, scenario.num_uniforms))
    slots = scenario.from_uniforms(unit)
    devices = 400 * unit[:, :8].reshape(300, 4, 2)
    servers = np.array([[100.0, 200.0], [300.0, 200.0]])
    away = np.sqrt(((devices[:, :, None] - servers) ** 2).sum(axis=-1))
    np.testing.assert_array_equal(slots.covered, away <= 120)
    allowed = links.allowed(slots)
    np.testing.assert_array_equal(allowed[..., :2], slots.covered)
    assert allowed[..., 2].all()


def test_the_law_of_tasks_not_seen_counts_their_weights():
    scenario = Scenario(delay_weight=[0.5, 3.0], cycles_per_bit=(500.0, 2000.0))
    sizes = links.size(scenario.sample(20_000, 0))
    assert scenario.mean_sqrt_cycles == pytest.approx(sizes.mean(), rel=5e-3)
    middle = np.quantile(sizes**2, [0.1, 0.5, 0.9])
    known = np.quantile(scenario.cycles_quantiles(256), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(known, middle, rtol=2e-2)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "it has no delay_weight, the scenario delay_weight"),
        ({"delay_weight": 9.0}, "delay_weight goes from 9 to 9, beyond"),
    ],
)
def test_slots_that_lack_what_a_scenario_has_are_refused(other, words):
    with pytest.raises(ValueError, match=words):
        Scenario(delay_weight=[0.5, 2.0]).check(Scenario(**other).sample(1, 0)[0])


def test_where_devices_find_room_beside_the_servers_these_need_not_hold_all():
    scenario = Scenario(capacity=1, local_hz=1e9)
    assert scenario.places.tolist() == [1, 1, 1, 9]
    Problem.of(scenario.sample(5, 0)).require_feasible()
