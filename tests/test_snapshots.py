"""Slots of a table of tasks and of files: the tasks are the rows, the network the scenario's."""

import numpy as np
import pytest
from oracle import tx_delay

from mec_gym import Scenario, average_delay, policies
from mec_gym.benchmark.comparison import play
from mec_gym.networks.tasks import Tasks
from mec_gym.snapshots import load, network_of, slots_of

RNG = np.random.default_rng(0)
TABLE = {
    "bits": RNG.uniform(1e5, 8e5, 12),
    "cycles": RNG.uniform(2e8, 1e9, 12),
    "slot": [7, 3, 7, 3, 7, 3, 7, 3, 9, 9, 9, 9],
}
ONE = {name: TABLE[name] for name in ("bits", "cycles")}
NETWORK = Scenario(num_servers=2, capacity=(5, 7), servers="per-slot")


def write(table, path):
    columns = [np.asarray(values).tolist() for values in table.values()]
    lines = [",".join(table), *(",".join(map(repr, row)) for row in zip(*columns, strict=True))]
    path.write_text("\n".join(lines))
    return path


def test_a_table_without_slots_is_one_slot_row_by_row():
    (slot,) = slots_of(ONE, NETWORK, seed=4).values()
    assert (slot.task_bits == ONE["bits"]).all()
    assert (slot.task_cycles == ONE["cycles"]).all()
    assert slot.gain.shape == (12, 2)
    assert slot.capacity.tolist() == [5, 7]
    assert slot.tx_delay[3, 1] == pytest.approx(tx_delay(slot, 3, 1))


def test_each_arrival_slot_is_one_and_has_its_rows_in_their_order():
    slots = slots_of(TABLE, NETWORK)
    assert list(slots) == [3, 7, 9]
    for number, slot in slots.items():
        own = np.array(TABLE["slot"]) == number
        assert (slot.task_bits == TABLE["bits"][own]).all()
        assert (slot.task_cycles == TABLE["cycles"][own]).all()


def test_a_slot_is_the_same_whatever_others_there_are_and_another_with_another_seed():
    all_of_them, alone = slots_of(TABLE, NETWORK, 1), Tasks.of(TABLE).by_slot()
    for number, rows in alone.items():
        (slot,) = slots_of(rows, NETWORK, 1).values()
        for name, array in all_of_them[number].arrays().items():
            assert (slot.arrays()[name] == array).all()
        assert (slots_of(rows, NETWORK, 2)[number].gain != slot.gain).any()
    assert (all_of_them[3].gain != all_of_them[7].gain).any()
    assert (all_of_them[3].server_hz != all_of_them[7].server_hz).any()


def test_places_of_the_table_are_where_its_devices_stand():
    sites = [(0.0, 0.0), (500.0, 0.0)]
    radio = {"kind": "path-loss", "server_positions_m": sites, "shadowing_db": 0}
    network = NETWORK.replace(channel=radio | {"fading": "none"}, noise_psd=4e-21)
    near_one = {"x": np.linspace(20, 480, 12), "y": np.zeros(12)}
    (slot,) = slots_of(ONE | near_one, network).values()
    assert (np.diff(slot.gain[:, 0]) < 0).all()
    assert (np.diff(slot.gain[:, 1]) > 0).all()


def test_the_network_has_a_device_a_task_and_draws_such_tasks():
    network = network_of(Tasks.of(ONE), NETWORK, 6)
    assert network == NETWORK.replace(num_devices=6, tasks=ONE)
    many = Tasks(np.arange(1.0, 250_001), np.ones(250_000))
    some = network_of(many, Scenario(), 9).tasks
    assert (len(some), some.bits[0], some.bits[1]) == (83_334, 1, 4)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (
            Scenario(),
            "^slot 1: capacity: the servers have 9 places for 12 tasks, a device each; raise",
        ),
        (NETWORK.replace(tx_power_w=(0.1,) * 9), "^slot 0: tx_power_w: 9 values; needs 1"),
    ],
)
def test_a_network_without_room_is_refused_with_the_slot(scenario, words):
    table = {"bits": np.ones(13), "cycles": np.ones(13), "slot": [0] + [1] * 12}
    with pytest.raises(ValueError, match=words):
        slots_of(table, scenario)


def test_a_file_of_slots_is_read_with_or_without_a_leading_dimension(tmp_path):
    slots = Scenario.preset("paper-varied").sample(3, 0)
    slots.save(tmp_path / "three.npz")
    slots[1].save(tmp_path / "one.npz")
    weighted = Scenario.preset("paper-varied", delay_weight=(1.0, 2.0)).sample(3, 0)
    weighted.save(tmp_path / "weighted.npz")
    _, known = load(tmp_path / "weighted.npz")
    assert (known.tasks.weight == weighted.delay_weight.reshape(-1)).all()
    three, known = load(tmp_path / "three.npz")
    assert (three.gain == slots.gain).all()
    assert (known.num_devices, known.num_servers) == (9, 3)
    assert sorted(known.tasks.cycles) == sorted(slots.task_cycles.reshape(-1))
    for path, chosen in (("one.npz", None), ("three.npz", 1), ("one.npz", 0)):
        one, _ = load(tmp_path / path, slot=chosen)
        assert one.batch_shape == (1,)
        assert (one.gain[0] == slots[1].gain).all()
    scenario = Scenario.preset("paper-varied")
    assert load(tmp_path / "one.npz", scenario)[1] == scenario
    with pytest.raises(ValueError, match="devices x 3 servers do not fit"):
        load(tmp_path / "one.npz", Scenario(num_devices=4))


def test_a_table_is_read_with_its_network(tmp_path):
    path = write(TABLE, tmp_path / "tasks.csv")
    slots, network = load(path, NETWORK, seed=5)
    expected = slots_of(TABLE, NETWORK, seed=5)
    assert slots.batch_shape == (3,)
    for row, slot in zip(slots, expected.values(), strict=True):
        assert (row.gain == slot.gain).all()
        assert (row.task_bits == slot.task_bits).all()
    assert network == NETWORK.replace(num_devices=4, tasks=TABLE)
    one, network = load(path, NETWORK, seed=5, slot=7)
    assert (one.gain[0] == expected[7].gain).all()
    assert len(network.tasks) == 4


def test_what_cannot_be_played_is_refused_with_the_remedy(tmp_path):
    uneven = write(TABLE | {"slot": [1] * 5 + [2] * 7}, tmp_path / "uneven.csv")
    even = write(TABLE, tmp_path / "even.csv")
    plain = write(ONE, tmp_path / "plain.csv")
    npz = tmp_path / "slots.npz"
    Scenario().sample(2, 0).save(npz)
    bad = write(ONE | {"bits": -ONE["bits"]}, tmp_path / "bad.csv")
    for path, scenario, slot, words in (
        (uneven, NETWORK, None, "slot 1 has 5 tasks, slot 2 has 7;.* choose one, such as slot 1"),
        (even, NETWORK, 4, "slot: 4; .*even.csv has 3, from 3 to 9"),
        (plain, NETWORK, 1, "slot: 1; .*plain.csv has no column slot, so it is one slot, 0"),
        (even, None, None, "scenario: .*even.csv lists tasks alone"),
        (plain, Scenario(), None, "plain.csv: capacity: .* raise capacity, or take rows out"),
        (bad, NETWORK, None, "bad.csv: line 2: bits: .* too low"),
        (npz, None, 2, "slot: 2; .*slots.npz has slots 0 to 1"),
        (tmp_path / "none.npz", None, None, "none.npz: not an instance file"),
        (tmp_path / "tasks.xlsx", NETWORK, None, "neither .*npz nor a table"),
    ):
        with pytest.raises(ValueError, match=words):
            load(path, scenario, slot=slot)
    assert load(uneven, NETWORK, slot=2)[0].num_devices == 7


def test_a_single_slot_is_compared_without_an_interval(tmp_path):
    slots, _ = load(write(ONE, tmp_path / "tasks.csv"), NETWORK)
    names = ("roa", "local-search", "optimal")
    roa, search, optimal = play({name: [policies.get(name)] for name in names}, slots)
    for result, name in zip((roa, search, optimal), names, strict=True):
        assert result.average_delay.over_slots.mean == pytest.approx(
            average_delay(slots, policies.get(name)(slots, 0))[0]
        )
        assert result.average_delay.over_slots.ci95 == np.inf
    assert search.difference(roa).mean < 0 <= search.gap.mean
    assert search.margin(roa).ci95 == np.inf
    assert optimal.gap.mean == pytest.approx(0, abs=1e-9)


def test_weight_deadline_and_service_of_the_table_are_the_slots():
    more = {
        "weight": RNG.uniform(1, 2, 12),
        "deadline": RNG.uniform(5, 9, 12),
        "service": [0, 1] * 6,
    }
    network = NETWORK.replace(services=((0, 1), (1,)), capacity=12)
    (slot,) = slots_of(ONE | more, network).values()
    assert (slot.delay_weight == more["weight"]).all()
    assert (slot.deadline_s == more["deadline"]).all()
    assert (slot.fetch_delay_s == [[0.0, np.inf], [0.0, 0.0]] * 6).all()


def test_a_seed_below_0_is_refused_by_name():
    with pytest.raises(ValueError, match="seed: -1; it must be at least 0"):
        slots_of(ONE, NETWORK, seed=-1)


def test_a_file_whose_gains_change_hides_those_to_come(tmp_path):
    for correlation, hidden in ((1.0, False), (0.5, True)):
        channel = {"kind": "uniform", "correlation": correlation}
        Scenario(channel=channel).sample(2, 0).save(tmp_path / "slots.npz")
        slots, known = load(tmp_path / "slots.npz")
        assert known.hides_future == hidden
        assert policies.label("prices", known).endswith("(hindsight)") == hidden
        assert policies.get("prices-online", known)(slots, 0).shape == (2, 9)
