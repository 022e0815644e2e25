"""Instance: shapes, indexing, read-only arrays, bad values."""

import copy
import pickle

import numpy as np
import pytest
from slots import FIELDS, assert_same_slots, fields

from mec_gym import Instance, Scenario
from mec_gym.channels import PathLossChannel


def changing_fields(*lead, num_devices=3, num_servers=2):
    """As `fields`, with gains that change at each step."""
    given_fields = fields(*lead, num_devices=num_devices, num_servers=num_servers)
    shape = (*lead, num_devices, num_devices, num_servers)
    step_gain = np.random.default_rng(1).uniform(1, 2, shape)
    for device in range(num_devices):
        step_gain[..., device, device, :] = given_fields["gain"][..., device, :]
    return given_fields | {"step_gain": step_gain}


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)])
def test_every_array_has_the_shape_of_the_contract(lead):
    slots = Instance(**fields(*lead))
    shapes = dict.fromkeys(FIELDS, (*lead, 3))
    shapes |= {"gain": (*lead, 3, 2), "server_hz": (*lead, 2), "capacity": (*lead, 2)}
    assert {name: getattr(slots, name).shape for name in FIELDS} == shapes
    assert slots.tx_delay.shape == (*lead, 3, 2)
    assert (slots.num_devices, slots.num_servers, slots.batch_shape) == (3, 2, lead)


def test_numbers_without_leading_dimensions_are_given_to_every_slot():
    slots = Instance(
        **(
            fields(4)
            | {"server_hz": [1.0, 2.0], "capacity": 3, "tx_power_w": 0.1, "noise_w": [1, 2, 3]}
        )
    )
    np.testing.assert_array_equal(slots.server_hz, [[1, 2]] * 4)
    np.testing.assert_array_equal(slots.capacity, np.full((4, 2), 3))
    np.testing.assert_array_equal(slots.tx_power_w, np.full((4, 3), 0.1))
    np.testing.assert_array_equal(slots.noise_w, [[1, 2, 3]] * 4)


@pytest.mark.parametrize("make", [fields, changing_fields])
def test_an_index_picks_slots_whatever_has_been_worked_out_before(make):
    given_fields = make(5)
    for worked_out in (False, True):
        slots = Instance(**given_fields)
        if worked_out:
            assert slots.tx_delay.shape == (5, 3, 2)
        for index in (2, -1, slice(1, 4), slice(None, None, -1), [3, 0], np.arange(5) % 2 == 0):
            picked = Instance(**{name: value[index] for name, value in given_fields.items()})
            assert_same_slots(slots[index], picked)


@pytest.mark.parametrize("make", [fields, changing_fields])
def test_a_batch_of_batches_is_indexed_by_its_first_dimension_or_by_both(make):
    given_fields = make(2, 3)
    slots = Instance(**given_fields)
    assert len(slots) == 2
    assert_same_slots(
        slots[1], Instance(**{name: value[1] for name, value in given_fields.items()})
    )
    assert_same_slots(slots[1, 2], slots[1][2])


def test_an_index_beyond_the_leading_dimensions_is_refused():
    slots = Instance(**fields(4))
    with pytest.raises(IndexError):
        slots[4]
    with pytest.raises(IndexError):
        slots[0, 1]


@pytest.mark.parametrize("make", [fields, changing_fields])
def test_iterating_gives_the_slots_in_order(make):
    slots = Instance(**make(3))
    listed = list(slots)
    assert len(listed) == len(slots) == 3
    for row, slot in enumerate(listed):
        assert_same_slots(slot, slots[row])


def test_one_slot_has_no_length_and_no_index():
    slot = Instance(**fields())
    for use in (len, iter, lambda one: one[0], list):
        with pytest.raises(TypeError, match="one slot"):
            next(use(slot)) if use is iter else use(slot)


@pytest.mark.parametrize("make", [fields, changing_fields])
@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_flatten_lines_the_slots_up_along_one_dimension(lead, make):
    given_fields = make(*lead)
    flat = Instance(**given_fields).flatten()
    core = len(lead)
    assert_same_slots(
        flat,
        Instance(**{k: v.reshape(-1, *v.shape[core:]) for k, v in given_fields.items()}),
    )


def derived_instances():
    slots = Instance(**(fields(4) | {"capacity": 3}))
    nested = Instance(**(fields(2, 3) | {"capacity": [[[3, 4]], [[5, 6]]], "noise_w": 1.0}))
    return {
        "made": slots,
        "one": slots[0],
        "slice": slots[1:],
        "list": slots[[0, 2]],
        "mask": slots[np.array([True, False, True, False])],
        "flat": nested.flatten(),
        "sampled": Scenario().sample(2, 0),
        "pickled": pickle.loads(pickle.dumps(slots)),
        "deep copy": copy.deepcopy(slots),
        "changing": Instance(**changing_fields(4)),
        "changing, a slice": Instance(**changing_fields(2, 4)).flatten()[1:],
        "changing, sampled": Scenario.preset("fast-fading").sample(2, 0),
        "changing, pickled": pickle.loads(pickle.dumps(Instance(**changing_fields(4)))),
    }


@pytest.mark.parametrize("how", derived_instances())
def test_no_array_of_an_instance_can_be_written_to_however_it_was_made(how):
    slots = derived_instances()[how]
    assert (slots.step_gain is not None) == ("changing" in how)
    for name in (*slots.arrays(), "tx_delay"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(slots, name)[...] = 1


def test_fields_cannot_be_set():
    with pytest.raises(AttributeError):
        Instance(**fields()).gain = 1


def test_what_was_given_stays_the_callers_and_can_change_without_effect():
    given_fields = fields(2)
    slots = Instance(**given_fields)
    before = slots.gain.copy()
    given_fields["gain"][...] = 7.0
    np.testing.assert_array_equal(slots.gain, before)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_a_value_that_is_not_finite_and_positive_is_refused_by_name(name, bad):
    values = fields(2)
    values[name] = values[name].astype(float)
    values[name].flat[1] = bad
    with pytest.raises(ValueError, match=f"^{name}: ") as caught:
        Instance(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "capacity"])
def test_zero_is_refused_everywhere_but_as_a_capacity(name):
    with pytest.raises(ValueError, match=f"^{name}: .*0.*above 0"):
        Instance(**(fields() | {name: np.zeros_like(fields()[name])}))
    assert Instance(**(fields() | {"capacity": [0, 3]})).capacity.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("capacity", [1.5, 2]),
        ("gain", "text"),
        ("gain", None),
        ("gain", [[1.0, 2.0], [3.0]]),
        ("gain", [1.0, 2.0]),
        ("gain", np.ones((0, 2))),
        ("gain", np.ones((3, 0))),
        ("gain", np.ones((3, 2)) + 1j),
        ("gain", np.array([[object()] * 2] * 3)),
        ("task_bits", np.ones(2)),
        ("task_bits", np.ones((5, 3))),
        ("server_hz", np.ones(3)),
        ("capacity", np.ones(3)),
        ("capacity", [True, True]),
    ],
)
def test_a_shape_or_a_kind_that_does_not_fit_is_refused_by_name_in_one_line(name, bad):
    with pytest.raises(ValueError, match=f"^{name}: ") as caught:
        Instance(**(fields() | {name: bad}))
    assert "\n" not in str(caught.value)


# Gains that change at each decision step.


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)])
def test_changing_gains_have_the_shape_of_the_contract_and_are_a_part_of_the_slots(lead):
    given_fields = changing_fields(*lead)
    slots = Instance(**given_fields)
    assert slots.step_gain.shape == (*lead, 3, 3, 2)
    assert slots.arrays().keys() == given_fields.keys()
    assert_same_slots(Instance(**slots.arrays()), slots)
    for duplicate in (pickle.loads(pickle.dumps(slots)), copy.deepcopy(slots)):
        assert_same_slots(duplicate, slots)
    constant = Instance(**fields(*lead))
    assert constant.step_gain is None
    assert "step_gain" not in constant.arrays()
    np.testing.assert_array_equal(slots.tx_delay, constant.tx_delay)  # of what devices meet


def test_changing_gains_without_leading_dimensions_are_given_to_every_slot():
    one = changing_fields()
    slots = Instance(
        **(
            fields(4)
            | {name: one[name] for name in ("gain", "step_gain")}
            | {"gain": np.broadcast_to(one["gain"], (4, 3, 2))}
        )
    )
    np.testing.assert_array_equal(slots.step_gain, [one["step_gain"]] * 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0])
def test_a_changing_gain_that_is_not_finite_and_positive_is_refused_by_name(bad):
    values = changing_fields(2)
    values["step_gain"][1, 0, 2, 1] = bad
    with pytest.raises(ValueError, match=r"^step_gain: "):
        Instance(**values)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2), (3, 2, 3), (5, 3, 3, 2), (4, 3, 2)])
def test_changing_gains_of_another_shape_are_refused_by_name(shape):
    with pytest.raises(ValueError, match=r"^step_gain: ") as caught:
        Instance(**(fields() | {"step_gain": np.ones(shape)}))
    assert "\n" not in str(caught.value)


def test_changing_gains_must_be_the_gain_where_a_device_sends():
    values = changing_fields(4)
    values["step_gain"][3, 1, 1, 0] *= 1.001
    with pytest.raises(ValueError, match=r"^step_gain: at step m .* `gain`"):
        Instance(**values)
    values["step_gain"][3, 1, 1, 0] = values["gain"][3, 1, 0]
    values["step_gain"][3, 2, 1, 0] *= 1.001  # after device 1 has sent
    Instance(**values)


def test_too_few_places_are_named_with_slot_and_count():
    slots = Instance(**(fields(3) | {"capacity": [[2, 2], [1, 1], [3, 3]]}))
    with pytest.raises(ValueError, match=r"^capacity: slot 1 has 2 places for 3 devices"):
        slots.require_feasible()
    slots[[0, 2]].require_feasible()


def test_places_change_no_delay_and_survive_files_indexing_and_flattening(tmp_path):
    drawn = Scenario(channel=PathLossChannel(), noise_psd=4e-21).sample(3, seed=1, places=True)
    plain = Scenario(channel=PathLossChannel(), noise_psd=4e-21).sample(3, seed=1)
    assert plain.device_places_m is None
    np.testing.assert_array_equal(drawn.tx_delay, plain.tx_delay)
    assert drawn.device_places_m.shape == (3, 9, 2)
    assert drawn.server_places_m.shape == (3, 3, 2)
    drawn.save(tmp_path / "slots.npz")
    again = Instance.load(tmp_path / "slots.npz")
    np.testing.assert_array_equal(again[1].device_places_m, drawn.device_places_m[1])
    np.testing.assert_array_equal(again.flatten().server_places_m, drawn.server_places_m)


def test_places_of_devices_without_those_of_servers_are_refused():
    with pytest.raises(ValueError, match=r"^device_places_m: it needs server_places_m beside it"):
        Instance(**(fields() | {"device_places_m": np.zeros((4, 2))}))
