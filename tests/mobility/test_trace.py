"""Traces: tables of CSV and SUMO's FCD as the ways of devices, and what is refused of them."""

import copy
import json
import pickle
import random
import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mec_gym import Scenario
from mec_gym.mobility import Trace
from mec_gym.networks.moves import Moves
from mec_gym.plausibility import PlausibilityWarning

ROWS = [(t, f"v{m}", 20.0 + 30 * m + 4 * t, 100.0 + t) for t in range(8) for m in range(11)]
CHANNEL = {"kind": "path-loss", "shadowing_db": 0, "fading": "none"}
SITES = {"lat": [-37.81, -37.82], "lon": [144.96, 144.965]}


def csv_of(rows, header="slot,device,x,y"):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def fcd_of(rows, moving="vehicle"):
    """SUMO's FCD of rows (time, device, x, y)."""
    steps = []
    for time in sorted({row[0] for row in rows}):
        each = "".join(
            f'        <{moving} id="{d}" x="{x}" y="{y}" angle="9.0" type="t" speed="3.0"/>\n'
            for t, d, x, y in rows
            if t == time
        )
        steps.append(f'    <timestep time="{time:.2f}">\n{each}    </timestep>\n')
    begin = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n'
    space = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return f"{begin}<fcd-export {space}>\n{''.join(steps)}</fcd-export>\n"


def made(table, slots=8, slot_s=1.0, channel=CHANNEL, **fields):
    given = {name: fields.pop(name) for name in ("begin", "until") if name in fields}
    mobility = {"kind": "trace", "table": table} | given
    return Scenario(slots=slots, slot_s=slot_s, channel=channel, mobility=mobility, **fields)


def columns(rows, names=("slot", "device", "x", "y")):
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def places(scenario, n=2, seed=0):
    return scenario.sample_episodes(n, seed, places=True).slots.device_places_m


PLAIN = made(columns(ROWS))
EXPECTED = np.array([[[20.0 + 30 * m + 4 * t, 100.0 + t] for m in range(9)] for t in range(8)])


def test_the_first_devices_are_where_the_table_says_in_all_episodes():
    np.testing.assert_array_equal(places(PLAIN), np.broadcast_to(EXPECTED, (2, 8, 9, 2)))
    slots = PLAIN.sample_episodes(2, 0, places=True).slots
    between = slots.device_places_m[..., :, None, :] - slots.server_places_m[..., None, :, :]
    distance = np.maximum(np.linalg.norm(between, axis=-1), 10.0)
    np.testing.assert_allclose(slots.gain, 10 ** -(1.53 + 3.76 * np.log10(distance)), rtol=1e-9)
    PLAIN.check_episodes(PLAIN.sample_episodes(2, 0))


@pytest.mark.parametrize(
    "header",
    ["slot,device,x,y", "SLOT,Vehicle_ID,X_m,Y_M", "Slot,User,Easting,Northing", "slot,id,x,y"],
)
def test_headers_are_known_in_any_case_and_by_other_names(header, tmp_path):
    for text in (csv_of(ROWS, header), "\ufeff" + csv_of(ROWS, header).replace(",", ";")):
        path = tmp_path / "moves.csv"
        path.write_text(text, encoding="utf-8")
        assert made(path) == PLAIN


def test_the_order_of_rows_is_of_no_matter_but_for_which_device_is_first():
    shuffled = ROWS.copy()
    random.Random(3).shuffle(shuffled)
    first = list(dict.fromkeys(row[1] for row in shuffled))[:9]
    found = places(made(columns(shuffled)), n=1)[0]
    for number, name in enumerate(first):
        np.testing.assert_array_equal(
            found[:, number], [[20.0 + 30 * int(name[1:]) + 4 * t, 100.0 + t] for t in range(8)]
        )


def test_fcd_is_read_as_the_same_moves(tmp_path):
    as_time = made(columns(ROWS, ("time_s", "device", "x", "y")))
    for moving in ("vehicle", "person"):
        (tmp_path / "sumo.xml").write_text(fcd_of(ROWS, moving))
        assert made(tmp_path / "sumo.xml") == as_time
    np.testing.assert_array_equal(places(as_time, 1)[0], EXPECTED)


def test_between_known_times_devices_go_straight(tmp_path):
    found = places(made(columns(ROWS, ("time_s", "device", "x", "y")), slots=13, slot_s=0.55), 1)
    for slot in range(13):
        begun = 0.55 * slot
        np.testing.assert_allclose(found[0, slot], EXPECTED[0] + begun * np.array([4.0, 1.0]))
    holes = [row for row in ROWS if row[0] not in (2, 3)]
    np.testing.assert_allclose(places(made(columns(holes)), 1)[0], EXPECTED)


def test_times_that_are_sums_of_slots_reach_the_last_row():
    rows = [(t / 10, d, x, y) for t, d, x, y in ROWS]
    scenario = made(columns(rows, ("time_s", "device", "x", "y")), slot_s=0.1)
    np.testing.assert_allclose(places(scenario, 1)[0], EXPECTED)


def test_devices_that_are_not_there_all_the_time_are_passed_over():
    rows = [row for row in ROWS if not (row[1] == "v0" and row[0] < 2)]
    found = places(made(columns(rows)), 1)[0]
    # The others are named first in slot 0, the one that comes later last.
    np.testing.assert_allclose(found, np.add(EXPECTED, [30.0, 0.0]))
    later = places(made(columns(rows), begin=2, slots=6), 1)[0]
    np.testing.assert_allclose(later, EXPECTED[2:])  # where it is named first of all again


def test_fewer_devices_than_needed_are_refused_with_both_numbers_and_names():
    rows = [row for row in ROWS if not (row[1] in ("v3", "v5", "v7") and row[0] > 4)]
    with pytest.raises(ValueError, match=r"^mobility\.table: 8 of its 11 devices") as caught:
        made(columns(rows))
    said = str(caught.value)
    assert "num_devices is 9" in said
    assert "'v3' is missing in slots 5, 6, 7" in said
    made(columns(rows), num_devices=8)
    with pytest.raises(ValueError, match=r"0 of its 11 .* in all 9 slots, from 0 to 8; .*slots 8"):
        made(columns(ROWS), slots=9)


def test_begin_and_until_leave_rows_out_and_are_read_back():
    scenario = made(columns(ROWS), begin=2, until=6, slots=4)
    assert set(scenario.mobility.table.slot.tolist()) == {2, 3, 4, 5, 6}
    np.testing.assert_array_equal(places(scenario, 1)[0], EXPECTED[2:6])
    assert Scenario.of(scenario.source) == scenario
    with pytest.raises(ValueError, match=r"table: no row is from begin 20.* from 0 to 7"):
        made(columns(ROWS), begin=20)
    with pytest.raises(ValueError, match=r"table: no row is from begin 3.0 to until 1.0"):
        made(columns(ROWS), begin=3, until=1)


def test_degrees_are_projected_as_the_sites_are():
    # Two metres apart, a degree of latitude is 110.99 km there, one of longitude 88.06 km.
    rows = [(t, m, -37.815 + t / 110_990 * 40, 144.9625 + m / 88_060 * 50) for t in range(3)
            for m in range(4)]  # fmt: skip
    table = columns(rows, ("slot", "Device", "Latitude", "LON"))
    channel = CHANNEL | {"sites": SITES}
    scenario = made(table, slots=3, channel=channel, num_devices=4, capacity=4)
    found = places(scenario, 1)[0]
    expected = [[[250 + 50 * m, 250 + 40 * t] for m in range(4)] for t in range(3)]
    np.testing.assert_allclose(found, expected, atol=0.5)
    alone = made(table, slots=3, num_devices=4, capacity=4)  # about their own middle
    np.testing.assert_allclose(
        places(alone, 1)[0] - places(alone, 1)[0, 0, 0], found - found[0, 0], atol=0.01
    )
    assert places(alone, 1)[0].mean(axis=(0, 1)) == pytest.approx([250, 250], abs=0.5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channel": CHANNEL | {"sites": SITES}}, "mobility.table: x, y are metres, but channel.s"),
        ({"channel": CHANNEL | {"clusters": 3}}, "channel.clusters: mobility.table says where"),
        (
            {"channel": CHANNEL | {"device_positions_m": [[1.0, 2.0]]}},
            "channel.device_positions_m: m",
        ),
        ({"channel": {"kind": "uniform"}}, "mobility: devices have no places in channel 'uniform'"),
    ],
)
def test_a_channel_that_says_otherwise_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        made(columns(ROWS), num_servers=2, capacity=5, num_devices=9, **fields)


def test_degrees_need_servers_in_degrees():
    rows = columns([(0, "a", 1.0, 2.0), (1, "a", 1.0, 2.0)], ("slot", "device", "lat", "lon"))
    small = {"num_devices": 1, "slots": 2}
    servers = {"server_positions_m": [[0.0, 0.0]] * 3}
    with pytest.raises(ValueError, match=r"mobility.table: lat, lon are degrees; give x, y"):
        made(rows, channel=CHANNEL | servers, **small)
    with pytest.raises(ValueError, match=r"mobility.table: \(1, 2\) is [\d,]+ km from the middle"):
        made(rows, channel=CHANNEL | {"sites": SITES}, **small)


def test_what_is_written_needs_no_file_and_reads_back_the_same(tmp_path, monkeypatch):
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "moves.csv").write_text(csv_of(ROWS))
    text = 'slots = 8\nslot_s = 1.0\nnoise_psd = 4e-21\n[channel]\nkind = "umi"\n'
    (tmp_path / "town" / "it.toml").write_text(
        f'{text}[mobility]\nkind = "trace"\ntable = "moves.csv"\n'
    )
    monkeypatch.chdir(tmp_path)
    scenario = Scenario.from_toml("town/it.toml")
    (tmp_path / "town" / "moves.csv").unlink()
    (tmp_path / "written.toml").write_text(scenario.to_toml())
    read = Scenario.from_toml("written.toml")
    assert read == Scenario.of(json.loads(json.dumps(scenario.source))) == scenario
    assert hash(read) == hash(scenario)
    assert read.source == scenario.source
    assert pickle.loads(pickle.dumps(scenario)) == copy.deepcopy(scenario) == scenario
    np.testing.assert_array_equal(
        read.sample_episodes(2, 0).slots.gain, scenario.sample_episodes(2, 0).slots.gain
    )


def test_one_place_that_differs_is_another_scenario():
    table = columns(ROWS)
    other = PLAIN.replace(mobility=Trace(table=table | {"x": [20.5, *table["x"][1:]]}))
    assert other != PLAIN
    assert hash(other) != hash(PLAIN)
    assert other.source != PLAIN.source
    assert other.mobility != PLAIN.mobility
    assert PLAIN.replace(mobility="static") != PLAIN


def refusal(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=rf"mobility: table: .*{name}: ") as caught:
        made(path)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 2500
    return said.partition(f"{name}: ")[2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["it is empty", "slot, time_s, device, x, y, lat, lon"]),
        ("\ufeff", ["it is empty"]),
        ("slot,device,x,y\n", ["no row"]),
        ("slot,x,y\n0,1,2\n", ["column 'device' is missing"]),
        ("device,x,y\na,1,2\n", ["column 'slot' is missing, or 'time_s' in its place"]),
        ("slot,device\n0,a\n", ["column 'lat' is missing, or 'x' in its place"]),
        ("slot,time_s,device,x,y\n0,0,a,1,2\n", ["columns 'time_s' and 'slot' say the same"]),
        ("slot,device,x,y,lat,lon\n0,a,1,2,3,4\n", ["'x' and 'lat' say the same"]),
        ("slot,device,lat,lon\n0,a,1,2\n1,a,200,2\n", ["line 3: lat: '200' is too high"]),
        ("slot,device,x,y\n0,a,1,2\n0,b,1,2\n0,a,3,4\n", ["line 4: device: line 2 says where 'a'"]),
        ("slot,device,x,y\n-1,a,1,2\n", ["line 2: slot: '-1' is too low"]),
        ("slot,device,x,y\n0.5,a,1,2\n", ["line 2: slot: '0.5' is not whole"]),
        ("time_s,device,x,y\nnan,a,1,2\n", ["line 2: time_s: 'nan' is not finite"]),
        ("slot,device,x,y\n0,a,1e999,2\n", ["line 2: x: '1e999' is not finite"]),
        ("slot,device,x,y\n0,a,1e9,2\n", ["line 2: x: '1e9' is too high"]),
        ("slot,device,x,y\n0,,1,2\n", ["line 2: device: it is empty"]),
        ("slot,device,x,y\n0,a,1\n", ["line 2: it has 3 cells"]),
        ("slot,device,x,y\n0,a,0,0\n1,a,0,0\n2,a,9e6,0\n", ["line 4", "km from the middle"]),
        (b"slot,device,x,y\n0,\xff,1,2\n", ["not UTF-8"]),
        (b"PK\x03\x04", ["an Excel workbook"]),
    ],
)
def test_a_bad_table_is_refused_by_its_line(content, words, tmp_path):
    said = refusal("moves.csv", content, tmp_path)
    assert all(word in said for word in words), said


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
VEHICLE = '<fcd-export><timestep time="0"><vehicle {}/></timestep></fcd-export>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["it is no XML: no element found"]),
        ("time,id\n", ["it is no XML"]),
        (BOMB + VEHICLE.format('id="&b;" x="1" y="1"'), ["line 1: it has a DOCTYPE"]),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><fcd-export/>', ["it has a DOCTYPE"]),
        (VEHICLE.format('id="&b;" x="1" y="1"'), ["it is no XML: undefined entity"]),
        ("<routes/>", ["line 1: it begins with <routes>, not with <fcd-export>"]),
        ("<fcd-export/>", ["it has no vehicle or person"]),
        ("<fcd-export><timestep/></fcd-export>", ["<timestep> has no time"]),
        ('<fcd-export><timestep time="x"/></fcd-export>', ["<timestep> has time 'x' is not a n"]),
        (VEHICLE.format('x="1" y="1"'), ["line 1: <vehicle> has no id"]),
        (VEHICLE.format('id="a" x="1"'), ["line 1: <vehicle> has no y"]),
        (VEHICLE.format('id="a" x="1" y="nan"'), ["<vehicle> has y 'nan' is not a number"]),
        (
            VEHICLE.format('id="a" x="1" y="1e999"'),
            ["of its vehicles, row 1: y: inf is not finite"],
        ),
        (VEHICLE.format('id="a" x="1" y="1e9"'), ["row 1: y: 1000000000.0 is too high"]),
        (VEHICLE.format('id="a" x="1" y="1"').replace("/>", ">" + "<b>" * 99), ["lie too deep"]),
        ("<fcd-export " + "a" * 300_000, ["what begins there is too long"]),
        ("<fcd-export><!--" + "a" * 300_000, ["what begins there is too long"]),
        ("<fcd-export><timestep time='0'>", ["it is no XML: no element found"]),
        (b"\x00\x01\x02", ["it is no XML"]),
    ],
)
def test_bad_fcd_is_refused(content, words, tmp_path):
    said = refusal("sumo.xml", content, tmp_path)
    assert all(word in said for word in words), said


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "folder.xml").mkdir()
    for name, said in (("none.xml", "No such file"), ("none.csv", "No such"), ("folder.xml", "")):
        with pytest.raises(ValueError, match=f"mobility: table: .*{said}"):
            made(tmp_path / name)


@given(st.data())
def test_fcd_that_is_damaged_is_read_or_refused_in_one_line(data):
    text = bytearray(fcd_of(ROWS[:22]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sumo.xml"
        path.write_bytes(bytes(text))
        said = ""
        try:
            assert len(Moves.of(path)) > 0
        except ValueError as error:
            said = str(error)
        assert "\n" not in said


def test_a_long_fcd_takes_no_memory_but_for_the_rows_that_are_kept(tmp_path):
    path = tmp_path / "sumo.xml"
    vehicles = "".join(f'<vehicle id="{m}" x="{m}" y="1"/>\n' for m in range(50))
    with open(path, "w") as file:
        file.write("<fcd-export>\n")
        for time in range(2100):
            file.write(f'<timestep time="{time}">\n{vehicles}</timestep>\n')
        file.write("</fcd-export>\n")
    assert path.stat().st_size > 3e6
    tracemalloc.start()
    moves = Moves.read_fcd(path, 100, 110)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(moves) == 11 * 50
    assert peak < 2e6
    assert made(path, begin=100, until=110).mobility.table == moves
    with pytest.raises(ValueError, match=r"105,000 rows; .* so give begin and until"):
        made(path)


def warned(**fields):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PlausibilityWarning)
        made(**fields)
    return [str(each.message) for each in caught]


def test_places_that_can_hardly_be_meant_are_warned_of():
    table = columns(ROWS)
    assert warned(table=table) == []
    (far,) = warned(table=table | {"x": [x + 4000 for x in table["x"]]})
    assert far.startswith("channel.side_m: 500, but 88 of 88 places of mobility.table are outside")
    apart = {"server_positions_m": [[1500.0, 0.0]] * 3}
    (said,) = warned(table=table, channel=CHANNEL | apart)
    assert said.startswith("channel: the area of the devices and that of the servers are 1,152 m")
    (fast,) = warned(table=table, slot_s=0.01)
    assert fast.startswith("mobility.table: devices at up to 412.3 m/s, 1,484 km/h")
    degrees = table | {
        "x": [144.96 + x / 1e6 + 1e-7 for x in table["x"]],
        "y": [-37.81 + y / 1e6 for y in table["y"]],
    }
    (said,) = warned(table=degrees)
    assert said.startswith("mobility.table: (144.9600")
    assert said.endswith("call the columns lat and lon")


@pytest.mark.parametrize(
    ("mobility", "slot_s", "said"),
    [
        ({"kind": "random-waypoint", "speed_mps": [30, 120]}, 1.0, "mobility.speed_mps: .* 432 km"),
        (
            {"kind": "gauss-markov", "mean_mps": 110.0},
            1.0,
            "mobility.mean_mps: .* check that speed",
        ),
        (
            {"kind": "random-waypoint", "speed_mps": 20},
            30.0,
            "slot_s: 30, in which .* go 600 m, fu",
        ),
    ],
)
def test_speeds_that_can_hardly_be_meant_are_warned_of(mobility, slot_s, said):
    fields = {"slots": 3, "slot_s": slot_s, "channel": CHANNEL}
    with pytest.warns(PlausibilityWarning, match=said):
        Scenario(mobility=mobility, **fields)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PlausibilityWarning)
        for kind in ("static", "random-waypoint", "gauss-markov"):
            Scenario(mobility=kind, **fields)
