"""Messages: one line in which the field, the reason and the remedy are always seen."""

import numpy as np
import pytest

from mec_gym.channels import PathLossChannel
from mec_gym.io.messages import closest, none_called, one_line, quoted
from mec_gym.io.names import find, lookup
from mec_gym.scenario import Scenario


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


def test_a_long_list_shows_its_first_items_and_how_many_it_has():
    assert quoted(list(range(125))) == "[0, 1, 2, 3, ...] (125 values)"
    assert quoted((1, 2, 3, 4)) == "(1, 2, 3, 4)"
    assert quoted({n: n for n in range(9)}) == "{0: 0, 1: 1, 2: 2, 3: 3, ...} (9 values)"


@pytest.mark.parametrize(
    "value",
    ["a\nb", "x" * 9999, [["y" * 500] * 50] * 50, np.zeros((90, 90)), 10**5000, Broken()],
    ids=["lines", "text", "lists", "array", "number", "broken"],
)
def test_any_value_is_one_short_line(value):
    for length in (20, 200):
        text = quoted(value, length)
        assert "\n" not in text
        assert len(text) <= max(length, 40)


@pytest.mark.parametrize("length", [20, 21, 500])
def test_what_is_too_long_keeps_its_beginning_and_its_end(length):
    text = one_line("field: " + "7, " * 999 + "raise it", length)
    assert len(text) == length
    assert text.startswith("field:")
    assert text.endswith("raise it"[-length // 3 :])
    assert one_line("short") == "short"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"server_hz": [5e9] * 125, "num_servers": 125}, "servers='listed'"),
        ({"task_bits": [1.0] * 125}, "one number or a range"),
        ({"num_devices": [1] * 125}, "whole number"),
        ({"servers": ["fixed"] * 125}, "'per-slot'"),
        ({"tx_power_w": [0.1] * 125}, "125 values; needs 9"),
    ],
)
def test_a_wrong_list_of_125_leaves_room_for_the_reason(changes, reason):
    with pytest.raises(ValueError, match=next(iter(changes))) as caught:
        Scenario(**changes)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rao", "roa"),
        ("Least_Delay", "least-delay"),
        ("least_dealy", "least-delay"),
        ("moon", None),
        ("", None),
        (3, None),
    ],
)
def test_a_name_that_is_nearly_one_of_ours_is_guessed(name, meant):
    names = ["roa", "goa", "least-delay"]
    assert closest(name, names) == meant
    assert ("did you mean" in none_called(name, names)) == (meant is not None)


def test_every_way_to_look_a_name_up_guesses():
    for look_up in (lookup, find):
        with pytest.raises(ValueError, match=r"policy: no 'rao' \(did you mean 'roa'\?\); there"):
            look_up({"roa": 1, "optimal": 2}, "rao", "policy")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Scenario(num_device=3), "num_device: no such field; did you mean num_devices?"),
        (lambda: Scenario(zzz=3), "zzz: no such field"),
        (
            lambda: Scenario(servers="perslot"),
            "servers: must be 'fixed', 'per-slot' or 'listed'"
            " (got 'perslot'; did you mean 'per-slot'?)",
        ),
        (
            lambda: PathLossChannel(fading="Raileigh"),
            "fading: must be 'rayleigh' or 'none' (got 'Raileigh'; did you mean 'rayleigh'?)",
        ),
        (
            lambda: PathLossChannel(kind="path_loss"),
            "kind: 'path_loss' is not that of path-loss; leave it out",
        ),
        (
            lambda: Scenario(num_servers="three"),
            "num_servers: must be a whole number (got 'three')",
        ),
        (lambda: Scenario(channel="uniform"), "channel: must be a table of its fields"),
        (
            lambda: Scenario(channel={"kind": "path_loss"}),
            "channel: kind: no 'path_loss' (did you mean 'path-loss'?); there are: path-loss,",
        ),
        (
            lambda: Scenario(channel={"side_m": 500}),
            "channel: kind: it must be given; there are: path-loss, uma, umi, uniform",
        ),
        (lambda: PathLossChannel(radius=3), "radius: no such field; there are: cluster_radius_m,"),
    ],
)
def test_what_pydantic_says_is_said_in_our_words(make, says):
    with pytest.raises(ValueError, match=r"^\w") as caught:
        make()
    assert str(caught.value).startswith(says)
