"""Arrivals of a table of tasks: who has which, when, found anew in plain Python."""

import json

import numpy as np
import pytest

from mec_gym import Scenario, episodes, snapshots
from mec_gym.policies.foresight import Law

NAMES = ["cam", "bus", "anna", "drone"]
SLOTS = 9


def table_of(seed=0, share=0.6):
    """Rows by slot and device, at most one of each; of all devices, from slot 100 to 108."""
    rng = np.random.default_rng(seed)
    found = []
    for slot in range(SLOTS):
        for name in rng.permutation(NAMES).tolist():
            if rng.random() < share or slot in (0, SLOTS - 1):
                at = {"slot": 100 + slot, "device": name}
                found.append(at | {"bits": rng.uniform(1e5, 4e5), "cycles": rng.uniform(1e8, 9e8)})
    return found


ROWS = table_of()
FIRST = [row["device"] for row in ROWS if row["slot"] == 100]
DRAWN = {"kind": "table", "begin": "drawn"}


def made(rows=ROWS, slots=4, **fields):
    arrivals = fields.pop("arrivals", {"kind": "table"})
    given = {"slots": slots, "slot_s": 0.5, "num_devices": 4, "tasks": rows, "arrivals": arrivals}
    return Scenario(**given | fields)


def expected(rows, begin, slots, names=FIRST):
    """The cycles of each device in each slot, 0 where it has no task."""
    work = np.zeros((slots, len(names)))
    for row in rows:
        if begin <= row["slot"] < begin + slots:
            work[row["slot"] - begin, names.index(row["device"])] = row["cycles"]
    return work


def work_of(drawn):
    return np.where(drawn.present, drawn.slots.task_cycles, 0.0)


@pytest.mark.parametrize("begin", [None, 102])
def test_each_device_has_the_task_of_its_row_and_none_without_one(begin):
    scenario = made(arrivals={"kind": "table", "begin": begin})
    drawn = scenario.sample_episodes(3, 0)
    work = expected(ROWS, begin or 100, 4)
    assert (work_of(drawn) == work).all()
    assert (work == 0).any()
    bits = {row["cycles"]: row["bits"] for row in ROWS}
    at = drawn.present
    assert drawn.slots.task_bits[at].tolist() == [bits[c] for c in drawn.slots.task_cycles[at]]
    assert len(np.unique(drawn.slots.gain)) == drawn.slots.gain.size  # the radio is drawn
    scenario.check_episodes(drawn)
    assert scenario.num_decisions == (work > 0).sum()


def test_windows_are_drawn_from_all_that_stay_in_the_table():
    scenario = made(arrivals=DRAWN)
    drawn = scenario.sample_episodes(200, 1)
    windows = [expected(ROWS, begin, 4) for begin in range(100, 100 + SLOTS - 3)]
    times = [int((work_of(drawn) == window).all(axis=(1, 2)).sum()) for window in windows]
    assert sum(times) == 200
    assert min(times) > 200 / 6 / 3
    share = np.mean([(window > 0).mean(axis=1) for window in windows], axis=0)
    assert scenario.timetable.mean_share() == pytest.approx(share)
    assert Law.of(scenario).share == pytest.approx(share)
    assert scenario.num_decisions == np.ceil(4 * share.sum())
    rng = np.random.default_rng(1)
    assert (work_of(scenario.draw_episodes(1, rng)) == work_of(drawn[:1])).all()


def test_a_window_without_a_task_is_never_drawn():
    rows = [row for row in ROWS if row["slot"] in (100, 107, 108)]
    scenario = made(rows, slots=2, arrivals=DRAWN)
    assert scenario.timetable.starts.tolist() == [0, 6, 7]
    assert scenario.sample_episodes(50, 0).present.any(axis=(1, 2)).all()


def test_times_fall_into_the_slots_that_they_are_in():
    rng = np.random.default_rng(3)
    as_times = [
        {"time_s": (row["slot"] - 100) * 0.1 + rng.choice([0.0, 0.05, 0.0999])}
        | {name: value for name, value in row.items() if name != "slot"}
        for row in ROWS
    ]
    scenario = made(as_times, slots=SLOTS, slot_s=0.1, arrivals={"kind": "table", "begin": 0.0})
    assert (work_of(scenario.sample_episodes(1, 0))[0] == expected(ROWS, 100, SLOTS)).all()
    later = made(as_times, slots=3, slot_s=0.1, arrivals={"kind": "table", "begin": 0.3})
    assert (work_of(later.sample_episodes(1, 0))[0] == expected(ROWS, 103, 3)).all()


def test_what_else_a_row_says_comes_with_it():
    channel = {"kind": "path-loss", "shadowing_db": 0, "fading": "none"}
    rows = [
        row | {"weight": 1 + place, "deadline": 5 + place, "x": 9.0 + place, "y": 250.0}
        for place, row in enumerate(ROWS)
    ]
    scenario = made(rows, arrivals=DRAWN, channel=channel, drop_penalty_s=9.0)
    drawn = scenario.sample_episodes(5, 0, places=True)
    number = {row["cycles"]: place for place, row in enumerate(ROWS)}
    there = drawn.present
    of_rows = np.array([number[cycles] for cycles in drawn.slots.task_cycles[there]])
    assert (drawn.slots.delay_weight[there] == 1 + of_rows).all()
    assert (drawn.slots.deadline_s[there] == 5 + of_rows).all()
    assert (drawn.slots.device_places_m[there][:, 0] == 9 + of_rows).all()


def test_devices_of_a_trace_are_known_by_their_names():
    places = [(slot, name, 50.0 * m, 10.0 * slot) for slot in range(98, 110)
              for m, name in enumerate([*sorted(NAMES), "van"])]  # fmt: skip
    moves = dict(zip(("slot", "device", "x", "y"), map(list, zip(*places, strict=True)),
                     strict=True))  # fmt: skip
    fields = {"num_devices": 5, "channel": {"kind": "path-loss", "shadowing_db": 0}}
    scenario = made(slots=5, mobility={"kind": "trace", "table": moves, "begin": 101}, **fields)
    drawn = scenario.sample_episodes(2, 0, places=True)
    names = [*sorted(NAMES), "van"]
    assert (work_of(drawn) == expected(ROWS, 101, 5, names)).all()
    assert drawn.slots.device_places_m[0, 0, :, 0].tolist() == [0, 50, 100, 150, 200]
    moving = scenario.mobility
    with pytest.raises(ValueError, match=r"arrivals.begin: 101.0, but mobility.begin says"):
        made(mobility=moving, arrivals={"kind": "table", "begin": 101}, **fields)
    with pytest.raises(ValueError, match=r"tasks: row \d+: device: '\w+' is none of the 3 that"):
        made(mobility=moving, **fields | {"num_devices": 3})
    seconds = {"time_s" if name == "slot" else name: each for name, each in moves.items()}
    with pytest.raises(ValueError, match=r"tasks: the table has a column 'slot', mobility\.table"):
        made(mobility={"kind": "trace", "table": seconds}, **fields)


def test_all_the_work_of_the_table_is_done_or_waits():
    scenario = made(slots=SLOTS, slot_s=0.05)
    drawn = scenario.sample_episodes(2, 0)
    played = episodes.play(drawn, lambda slots, number: np.zeros(slots.task_cycles.shape, int))
    left = 0.0
    for slot, work in enumerate(expected(ROWS, 100, SLOTS).sum(axis=1)):
        left = max(0.0, left + work - drawn.slots.server_hz[0, slot, 0] * 0.05)
        assert played.backlog_cycles[0, slot, 0] == pytest.approx(left)


def test_slots_by_themselves_draw_any_row():
    slots = made().sample(300, 0)
    assert {*slots.task_cycles.ravel().tolist()} == {row["cycles"] for row in ROWS}
    made().check(slots)


def test_a_file_names_the_table_and_what_is_written_holds_it(tmp_path):
    lines = ["Slot;Device;bits;cycles", *(";".join(map(str, row.values())) for row in ROWS)]
    (tmp_path / "tasks.csv").write_text("\n".join(lines))
    text = 'slots = 4\nslot_s = 0.5\nnum_devices = 4\ntasks = "tasks.csv"\n'
    (tmp_path / "site.toml").write_text(f'{text}[arrivals]\nkind = "table"\nbegin = "drawn"\n')
    scenario = Scenario.from_toml(tmp_path / "site.toml")
    (tmp_path / "tasks.csv").unlink()
    (tmp_path / "site.toml").write_text(scenario.to_toml())
    read = Scenario.from_toml(tmp_path / "site.toml")
    assert read == Scenario.of(json.loads(json.dumps(read.source))) == made(arrivals=DRAWN)
    assert scenario != made()
    assert scenario.one_slot.slots == 1


def without(name):
    return [{key: value for key, value in row.items() if key != name} for row in ROWS]


TIMED = [{"time_s": row["slot"] * 0.3} | {k: row[k] for k in row if k != "slot"} for row in ROWS]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"num_devices": 5}, "tasks: the table names 4 devices; num_devices is 5; set num_devices"),
        ({"slots": 10}, "tasks: from slot 100 on the table ends after 9 of 10 slots; set slots"),
        ({"slots": 10, "arrivals": DRAWN}, "tasks: from slot 100 on .* 9 of 10 slots"),
        ({"arrivals": {"kind": "table", "begin": 107}}, "from slot 107 on .* 2 of 4 slots; set"),
        ({"arrivals": {"kind": "table", "begin": 109}}, "none is in the 4 slots from slot 109 on"),
        ({"arrivals": {"kind": "table", "begin": 1.5}}, "arrivals.begin: 1.5; slots are whole"),
        ({"arrivals": {"kind": "table", "begin": "now"}}, "'now' is neither 'drawn' nor a number"),
        ({"arrivals": {"kind": "table", "begin": -1}}, "arrivals: begin: -1 must be"),
        ({"arrivals": {"kind": "table", "probability": 0.5}}, "but the table says who has a task"),
        ({"arrivals": {"probability": 0.5, "begin": 3}}, "begin: 3.0 is of kind 'table' alone"),
        ({"arrivals": {}}, "arrivals: probability: must be given, or kind = 'table'"),
        ({"arrivals": {"probability": 0.5}}, "tasks: the table has a column 'device', but arriv"),
        ({"arrivals": None}, "tasks: the table has a column 'device', but arrivals are drawn"),
        ({"tasks": TIMED, "slot_s": 1e-300, "arrivals": DRAWN}, r"tasks: 9,007,\d+,\d+,"),
        ({"tasks": None}, "arrivals.kind: 'table' is the table of tasks; give tasks as well"),
        ({"tasks": without("device")}, "tasks: column 'device' is missing"),
        ({"tasks": without("slot")}, "tasks: column 'slot' or 'time_s' is missing"),
        ({"tasks": TIMED}, r"tasks: row \d+: device: '\w+' has a task in this slot already, of ro"),
        ({"tasks": [*ROWS, ROWS[2]]}, r"tasks: row \d+: device: row 3 has a task of '\w+' at slot"),
        (
            {"tasks": [*ROWS, ROWS[0] | {"slot": 2**52}], "arrivals": DRAWN},
            r"tasks: [\d,]+ slots from the first to the last, of 4 devices; the limit is",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_row_and_remedy(fields, said):
    given = {"rows": fields["tasks"]} if "tasks" in fields else {}
    with pytest.raises(ValueError, match=said):
        made(**given, **{name: value for name, value in fields.items() if name != "tasks"})


def test_a_file_is_named_with_the_line_that_is_wrong(tmp_path):
    path = tmp_path / "tasks.csv"
    path.write_text("slot,device,bits,cycles\n3,a,1e5,1e8\n4,a,1e5,1e8\n3,a,2e5,1e8\n")
    with pytest.raises(ValueError, match=r"tasks: .*tasks.csv: line 4: device: line 2 has a task"):
        made(path)
    path.write_text("slot,time_s,device,bits,cycles\n3,1,a,1e5,1e8\n")
    with pytest.raises(ValueError, match="'time_s' and 'slot' say the same; take one out"):
        made(path)


def test_slots_by_themselves_need_slots_not_times(tmp_path):
    path = tmp_path / "tasks.csv"
    path.write_text("time_s,device,bits,cycles\n3,a,1e5,1e8\n")
    with pytest.raises(ValueError, match="column 'time_s': how long a slot is is not said here"):
        snapshots.slots_of(path, Scenario())
