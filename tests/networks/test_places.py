"""Tables of sites and users: what exports hold is read, what is no place is refused by its line."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mec_gym.networks.places import Users
from mec_gym.networks.sites import Sites

EXPORT = (
    "SITE_ID,LATITUDE,LONGITUDE,NAME,STATE,LICENSING_AREA_ID,POSTCODE,SITE_PRECISION,ELEVATION,"
    "HCIS_L2\n"
    '10003026,-37.81517,144.97476,"Spring St, corner",VIC,2,,Within 10 meters,,KX3P\n'
    "10003027,-37.81524,144.95256,Lonsdale St,VIC,2,3000,Within 10 meters,12,KX3P\n"
)


def read(text, tmp_path, kind=Sites):
    path = tmp_path / "sites.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return kind.of(path)


def refusal(text, tmp_path, kind=Sites):
    """Return what is said of a bad file after its name."""
    with pytest.raises(ValueError, match=r"sites\.csv: ") as caught:
        read(text, tmp_path, kind)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 2500
    return said.partition("sites.csv: ")[2]


def test_an_export_is_read_with_all_its_other_columns(tmp_path):
    for text in (EXPORT, "\ufeff" + EXPORT, EXPORT.replace("\n", "\r\n"), EXPORT + "\n,,,,,,,,,\n"):
        sites = read(text, tmp_path)
        assert sites.id.tolist() == ["10003026", "10003027"]
        assert sites.lat.tolist() == [-37.81517, -37.81524]
        assert sites.lon.tolist() == [144.97476, 144.95256]
        assert sites.arrays().keys() == {"id", "lat", "lon"}
    assert read(EXPORT, tmp_path, Users).arrays().keys() == {"lat", "lon"}


@pytest.mark.parametrize(
    "header",
    [
        "latitude,longitude",
        "Latitude , LONGITUDE",
        "lat,lon",
        "LAT;Lng",
        "lat\tlong",
        "lat|Lon|note",
    ],
)
def test_headers_of_degrees_are_known(header, tmp_path):
    separator = next(each for each in ",;\t|" if each in header)
    more = f"{separator}x" if "note" in header else ""
    rows = "".join(f"{lat}{separator}{lon}{more}\n" for lat, lon in ((1.5, 2.5), (1.6, 2.6)))
    users = read(f"{header}\n{rows}", tmp_path, Users)
    assert users.in_degrees
    assert (users.lat.tolist(), users.lon.tolist()) == ([1.5, 1.6], [2.5, 2.6])


@pytest.mark.parametrize("header", ["x,y", "X_m,Y_m", "Easting,Northing", "eastings,northings"])
def test_headers_of_metres_are_known(header, tmp_path):
    sites = read(f"{header}\n320000,5812000\n320100.5,5812000\n", tmp_path)
    assert not sites.in_degrees
    assert sites.metres(None).tolist() == [[320000, 5812000], [320100.5, 5812000]]


def test_sites_say_what_their_servers_have(tmp_path):
    sites = read(
        "id;lat;lon;capacity;GHz;services\na;1;2;4;5.5;0 2\nb;1;2.1;0;8;\nc;1;2.2;9;8;1;\n".replace(
            "9;8;1;", '9;8;"1; 2"'
        ),
        tmp_path,
    )
    assert sites.capacity.tolist() == [4, 0, 9]
    assert sites.server_hz.tolist() == [5.5e9, 8e9, 8e9]
    assert sites.hosted == ((0, 2), (), (1, 2))
    in_hz = Sites.of({"lat": [1], "lon": [2], "hz": [5e9], "services": [[3, 4]]})
    assert in_hz.server_hz.tolist() == [5e9]
    assert in_hz.hosted == ((3, 4),)
    alone = Sites.of({"lat": [1], "lon": [2]})
    assert (alone.server_hz, alone.hosted, alone.capacity) == (None, None, None)


OTHER_HEADERS = """
NAME STATE LICENSING_AREA_ID POSTCODE SITE_PRECISION ELEVATION HCIS_L2 city
place country address operator technology band frequency mhz azimuth height_m
antenna power eirp carrier status date owner type region zone sector cell_id lac
mcc mnc radio range samples created updated averageSignal structure licence
device height capacity_kw speed count
"""


@pytest.mark.parametrize("kind", [Sites, Users])
def test_no_usual_header_of_an_export_is_taken_for_one_of_ours_mistyped(kind):
    others = {name: ["text"] for name in OTHER_HEADERS.split()}
    assert kind.of({"lat": [1.0], "lon": [2.0]} | others) == kind.of({"lat": [1.0], "lon": [2.0]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["it is empty", "lat, lon"]),
        ("lat,lon\n", ["no row"]),
        ("lat\n1\n", ["'lat' needs 'lon' beside it"]),
        ("name\nroof\n", ["column 'lat' is missing", "'x' in its place", "name"]),
        ("latitud,longitude\n1,2\n", ["'lat' is missing (is 'latitud' meant?)"]),
        ("-37.8,144.9\n-37.9,144.8\n", ["column 'lat' is missing", "-37.8, 144.9"]),
        ("lat,longtitude\n1,2\n", ["'longtitude'", "did you mean 'lon'?"]),
        ("lat,lon,capcity\n1,2,3\n", ["'capcity'", "did you mean 'capacity'?"]),
        ("lat,lon,servces\n1,2,3\n", ["'servces'", "did you mean 'services'?"]),
        ("lat,lon,latitude\n1,2,3\n", ["'lat' is there twice"]),
        ("lat,lon,x,y\n1,2,3,4\n", ["'x' and 'lat' say the same"]),
        ("lat,lon,hz,ghz\n1,2,3,4\n", ["'hz' and 'ghz' say the same"]),
        ("lat,lon\n1,2\n200,3\n", ["line 3: lat: '200' is too high", "90 degrees"]),
        ("lat,lon\n144.97,-37.81\n", ["line 2: lat: '144.97'", "lat and lon may be swapped"]),
        ("lat,lon\n1,2\n1,185\n", ["line 3: lon: '185' is too high"]),
        ("lat;lon\n-37,81;144,97\n", ["line 2: lat: '-37,81'", "point for the decimal comma"]),
        ("lat,lon\n=A1,2\n", ["line 2: lat: '=A1' is a formula"]),
        ("lat,lon\n1,\n", ["line 2: lon: it is empty"]),
        ("lat,lon\n1,2\n\n1,3\n1,2\n", ["line 5: lat, lon: it is where the site of line 2 is"]),
        (
            "x,y\n1,2\n1,3\n1,3\n1,3\n",
            ["line 4: x, y: it is where the site of line 3 is", "line 5: x, y:"],
        ),
        (
            "id,lat,lon\na,1,2\nb,1,3\na,1,4\n",
            ["line 4: id: it is called as the site of line 2 is"],
        ),
        ("lat,lon\n1,2\n1,2.1\n0,0\n40,40\n", ["line 5: lat, lon: (40, 40) is", "km from the"]),
        ("lat,lon\n48,2\n48,2.1\n2,48\n", ["line 4: lat, lon: (2, 48)", "may be swapped"]),
        ("x,y\n0,0\n1,2\n9e6,0\n", ["line 4: x, y: (9e+06, 0)"]),
        ("lat,lon,capacity\n1,2,2.5\n", ["line 2: capacity: '2.5' is not whole"]),
        ("lat,lon,ghz\n1,2,0\n", ["line 2: ghz: '0' is too low"]),
        ("lat,lon,services\n1,2,video\n", ["line 2: services: 'video' are not whole numbers"]),
        ("lat,lon,services\n1,2,0 -1\n", ["line 2: services:"]),
        ("lat,lon\n1,2,3\n", ["line 2: it has 3 cells, the header 2"]),
        ("lat,lon,name\n1,2,café\n".encode("latin-1"), ["line 2 is not UTF-8 (byte 0xe9)"]),
        ("lat,lon\n1,2\n".encode("utf-16"), ["it is UTF-16"]),
        (b"PK\x03\x04\x14\x00", ["it is an Excel workbook"]),
    ],
)
def test_what_is_no_table_of_sites_is_refused_by_line(text, words, tmp_path):
    said = refusal(text, tmp_path)
    assert all(word in said for word in words), said


def test_two_users_may_be_at_one_place():
    assert len(Users.of({"lat": [1, 1], "lon": [2, 2]})) == 2


def test_arrays_are_checked_however_sites_are_made():
    with pytest.raises(ValueError, match="row 2: lat, lon: it is where the site of row 1 is"):
        Sites(lat=np.array([1.0, 1.0]), lon=np.array([2.0, 2.0]))
    with pytest.raises(ValueError, match="'lat' is missing"):
        Sites(id=np.array(["a"]))


def test_sites_are_equal_by_all_they_hold_and_cannot_be_written_to():
    columns = {"lat": [1, 2], "lon": [2, 3], "id": ["a", "b"], "services": ["0 1", ""]}
    sites = Sites.of(columns)
    for same in (
        Sites.of(sites.columns()),
        copy.deepcopy(sites),
        pickle.loads(pickle.dumps(sites)),
    ):
        assert same == sites
        assert hash(same) == hash(sites)
        with pytest.raises(ValueError, match="read-only"):
            same.lat[0] = 5
    for name in columns:
        other = copy.deepcopy(columns)
        other[name][1] = "7" if name in ("id", "services") else 2.5
        assert Sites.of(other) != sites
    assert Sites.of({"lat": [1], "lon": [2]}) != Users.of({"lat": [1], "lon": [2]})


cells = st.one_of(
    st.sampled_from(["", " ", "1", "-37.8", "144.9", "200", "1,5", "=A1", "#N/A", "nan", "1e400"]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
headers = st.sampled_from(
    ["lat", "lon", "Latitude", "LNG", "x", "y", "id", "capacity", "hz", "ghz", "services", "name"]
) | st.text(max_size=6)


@given(
    st.lists(headers, max_size=5),
    st.lists(st.lists(cells, max_size=5), max_size=4),
    st.sampled_from(",;\t|"),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    st.sampled_from([Sites, Users]),
)
def test_any_text_is_read_or_refused_in_one_line(
    tmp_path_factory, header, rows, separator, begins, code, kind
):
    path = tmp_path_factory.mktemp("places") / "sites.csv"
    text = begins + "\n".join(separator.join(row) for row in [header, *rows])
    path.write_bytes(text.encode(code, errors="replace"))
    try:
        table = kind.of(path)
    except ValueError as error:
        said = str(error)
        assert said.startswith(f"{path}: ")
        assert "\n" not in said
        assert len(said) < 2500
    else:
        assert 0 < len(table) <= len(rows)
        assert all(np.isfinite(table.metres(table.middle)).ravel())


@pytest.mark.slow
@pytest.mark.parametrize("twice", [False, True])
def test_very_many_sites_are_read_or_refused_in_bounded_memory(twice, tmp_path):
    path, count = tmp_path / "sites.csv", 10**5
    degrees = np.random.default_rng(0).uniform((-38, 144), (-37, 145), (count, 2))
    if twice:
        degrees[1::2] = degrees[::2]
    named = np.column_stack([degrees, np.arange(count)])
    np.savetxt(path, named, ["%.9f", "%.9f", "%d"], ",", header="lat,lon,id", comments="")
    tracemalloc.start()
    if twice:
        with pytest.raises(
            ValueError, match=r"line 3: .* where the site of line 2 is.* at least 997"
        ):
            Sites.of(path)
    else:
        assert len(Sites.of(path)) == count
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 500 * count
