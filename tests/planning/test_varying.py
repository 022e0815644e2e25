"""What is varied: values, units, lists that are cut, and points that are no networks."""

import pytest

from mec_gym import Scenario
from mec_gym.channels import PathLossChannel
from mec_gym.planning.varying import at, axis, of_servers, points

LISTED = Scenario(
    num_devices=6,
    num_servers=3,
    capacity=(2, 3, 4),
    servers="listed",
    server_hz=(5e9, 6e9, 7e9),
    tx_power_w=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    deadline_s=(9.0, 8.0, 7.0, 6.0, 5.0, 4.0),
    local_hz=(1e9, 2e9),
    services=((0,), (0, 1), (1, 0)),
    channel=PathLossChannel(server_positions_m=((0, 0), (100, 0), (0, 200))),
    noise_psd=4e-21,
)


@pytest.mark.parametrize(
    ("name", "values", "field", "in_field"),
    [
        ("num_servers", "2:5", "num_servers", (2, 3, 4, 5)),
        ("num-servers", "5,2", "num_servers", (2, 5)),
        ("capacity", "4:10:2", "capacity", (4, 6, 8, 10)),
        ("capacity", "4:9:2", "capacity", (4, 6, 8)),
        ("server_ghz", "2,4.5", "server_hz", (2e9, 4.5e9)),
        ("bandwidth_mhz", "1:2", "bandwidth_hz", (1e6, 2e6)),
        ("tx_power_mw", "100", "tx_power_w", (0.1,)),
        ("cloud_delay_ms", "50,100", "cloud_delay_s", (0.05, 0.1)),
        ("tx_power_w", "0.1:0.3:0.1", "tx_power_w", (0.1, 0.2, 0.3)),
        ("channel.shadowing_db", "0,8", "channel.shadowing_db", (0, 8)),
    ],
)
def test_two_words_are_a_field_and_its_values(name, values, field, in_field):
    found = axis(name, values, LISTED)
    assert found.field == field
    assert [found.in_field(value) for value in found.values] == pytest.approx(list(in_field))
    kinds = {type(found.in_field(value)) for value in found.values}
    assert kinds == {type(value) for value in in_field}


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("num_server", "2:5", ["no field 'num_server'", "did you mean num_servers?"]),
        ("channel.shadow", "2:5", ["channel.shadowing_db"]),
        ("capacity", "5:2", ["capacity '5:2': from 5 to 2", "give TO above FROM"]),
        ("capacity", "2:2", ["capacity '2:2': from 2 to 2", "give TO above FROM"]),
        ("capacity", "1:2:0", ["capacity '1:2:0': the step is 0; give one above 0"]),
        ("capacity", "1:2:-1", ["the step is -1; give one above 0"]),
        ("capacity", "1:2:", ["names no values", "FROM:TO:STEP"]),
        ("capacity", "1:2:3:4", ["names no values"]),
        ("capacity", "1:2,3", ["names no values"]),
        ("capacity", "few", ["names no values"]),
        ("capacity", "", ["names no values"]),
        ("capacity", "nan", ["names no values"]),
        ("capacity", "3,3", ["twice"]),
        ("capacity", "1:1e9:1e-3", ["more than 1000 values; give a larger STEP"]),
        ("capacity", "1:1001", ["more than 1000 values"]),
    ],
)
def test_what_names_no_values_is_refused_with_the_remedy(name, values, words):
    with pytest.raises(ValueError, match=r"^vary: ") as error:
        axis(name, values, LISTED)
    assert all(word in str(error.value) for word in words)


def test_fewer_servers_are_the_first_of_each_list():
    less = at(LISTED, {"num_servers": 2, "num_devices": 5})
    assert less.capacity == (2, 3)
    assert less.server_hz == (5e9, 6e9)
    assert less.services == ((0,), (0, 1))
    assert less.channel.server_positions_m == ((0, 0), (100, 0))
    assert less.tx_power_w == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert less.deadline_s == (9.0, 8.0, 7.0, 6.0, 5.0)
    assert less.local_hz == (1e9, 2e9)


def test_any_servers_may_be_kept():
    kept = LISTED.replace(**of_servers(LISTED, (0, 2)))
    assert (kept.capacity, kept.server_hz) == ((2, 4), (5e9, 7e9))
    assert kept.channel.server_positions_m == ((0, 0), (0, 200))


def test_one_frequency_is_that_of_each_listed_server():
    assert at(LISTED, {"server_hz": 2e9}).server_hz == (2e9, 2e9, 2e9)
    assert at(LISTED, {"server_hz": 2e9, "num_servers": 2}).server_hz == (2e9, 2e9)
    assert at(Scenario(), {"server_hz": 2e9}).server_hz == 2e9


def test_a_grid_is_every_combination_the_last_axis_the_fastest():
    axes = [axis("num_servers", "1:2", LISTED), axis("capacity", "6,8", LISTED)]
    made = points(LISTED, axes)
    assert [point.values for point in made] == [(1, 6), (1, 8), (2, 6), (2, 8)]
    assert [point.scenario.capacity for point in made] == [6, 8, 6, 8]


def test_a_point_that_is_no_network_says_why_and_others_stand():
    made = points(Scenario(), [axis("capacity", "2:4", Scenario())])
    assert [point.scenario is None for point in made] == [True, False, False]
    assert "hold 6 of 9 devices" in made[0].why


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("capacity", "1:2")], "no value gives a network; the first: capacity: "),
        ([("num_servers", "2,2.5"), ("servers", "1")], "no value gives a network"),
        ([("num_servers", "2:3"), ("num_servers", "4")], "given twice"),
        ([("num_servers", "1:900"), ("capacity", "3:5")], "2700 points; give 1000 at most"),
        ([("channel.side_m", "-1")], "channel.side_m"),
    ],
)
def test_axes_without_a_network_are_refused(given, words):
    scenario = Scenario(channel=PathLossChannel(), noise_psd=4e-21)
    with pytest.raises(ValueError, match=r"^vary: ") as error:
        points(scenario, [axis(name, values, scenario) for name, values in given])
    assert words in str(error.value)


FOLLOWING = Scenario(
    num_devices=4,
    num_servers=2,
    capacity=4,
    slots=3,
    slot_s=0.5,
    arrivals={"probability": 0.6},
    background={"shares": [0.0, (0.1, 0.2), 0.3]},
    handover_s=(0.1, 0.2, 0.3, 0.4),
)


def test_fields_of_slots_that_follow_one_another_are_varied_too():
    assert at(FOLLOWING, {"slot_s": 0.7}).slot_s == 0.7
    assert axis("slot_ms", "400,500", FOLLOWING).field == "slot_s"
    for field in ("arrivals", "arrivals.probability"):
        changed = at(FOLLOWING, {axis(field, "0.9", FOLLOWING).field: 0.9})
        assert changed.arrivals == FOLLOWING.arrivals.replace(probability=0.9)
    assert at(FOLLOWING, {"background": 0.5}).background.shares == (0.5, 0.5, 0.5)
    assert at(FOLLOWING, {"background": 0.5, "slots": 2}).background.shares == (0.5, 0.5)
    without = FOLLOWING.replace(arrivals=None, background=None)
    assert at(without, {"arrivals": 0.4}).arrivals.probability == 0.4
    walk = Scenario.preset("walk")
    field = axis("channel.indoor_share", "0.5", walk).field
    assert at(walk, {field: 0.5}).channel.indoor_share == 0.5


def test_lists_of_what_others_compute_and_of_handovers_are_cut_as_well():
    less = at(FOLLOWING, {"num_servers": 1, "num_devices": 3})
    assert less.background.shares == (0.0, (0.1,), 0.3)
    assert less.handover_s == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("slots", 1, "means nothing in one slot"),
        ("slots", 2, "background.shares: 3 values; needs 2"),
        ("arrivals", 2.0, "arrivals.probability: 2.0 must be 1 at most"),
        ("background", 1.0, "background.shares: 1.0: a share must be 0 or more, below 1"),
    ],
)
def test_values_that_do_not_go_with_the_slots_give_no_network(field, value, words):
    with pytest.raises(ValueError, match=words):
        at(FOLLOWING, {field: value})
