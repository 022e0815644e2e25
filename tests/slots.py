"""Slots to compare, to change and to work out by hand."""

import numpy as np

from mec_gym import Instance, Scenario
from mec_gym.channels import PathLossChannel

FIELDS = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
FIELDS += ("bandwidth_hz", "tx_power_w", "noise_w")


def fields(*lead, num_devices=3, num_servers=2):
    """Valid fields with these leading dimensions; every number different."""
    rng = np.random.default_rng(0)
    per_device, per_server = (*lead, num_devices), (*lead, num_servers)
    return {
        "gain": rng.uniform(1, 2, (*per_device, num_servers)),
        "task_bits": rng.uniform(1, 2, per_device),
        "task_cycles": rng.uniform(1, 2, per_device),
        "server_hz": rng.uniform(1, 2, per_server),
        "capacity": rng.integers(3, 9, per_server),
        "bandwidth_hz": rng.uniform(1, 2, per_device),
        "tx_power_w": rng.uniform(1, 2, per_device),
        "noise_w": rng.uniform(1, 2, per_device),
    }


def assert_same_slots(one, other):
    """Every array of the two is the same, the types and the delays to send included."""
    assert one.arrays().keys() == other.arrays().keys() >= set(FIELDS)
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, getattr(other, name), strict=True)
    np.testing.assert_array_equal(one.tx_delay, other.tx_delay, strict=True)


def changed(slot, **changes):
    """The slot with other values, and with gains that stay."""
    return Instance(**({name: getattr(slot, name) for name in FIELDS} | changes))


def shaped(slots, *lead):
    """The same slots with these leading dimensions."""
    return Instance(
        **{name: (a := getattr(slots, name)).reshape(*lead, *a.shape[1:]) for name in FIELDS}
    )


def slot_by_hand(**changes):
    """Three devices, two servers with 1 and 2 places; every rate a whole number of Mbit/s.

    P = 0.1 W and sigma^2 = 1e-3 W: SNR = 100 h, so h = 0.63 gives log2(64) = 6 bit/s/Hz.
    """
    fields = {
        "gain": [[0.63, 0.15], [0.07, 0.31], [1.27, 0.03]],  # 6, 4; 3, 5; 7, 2 Mbit/s
        "task_bits": [2.4e5, 3.0e5, 4.2e5],  # 0.04, 0.06; 0.10, 0.06; 0.06, 0.21 s
        "task_cycles": [4e8, 9e8, 16e8],
        "server_hz": [4e9, 8e9],
        "capacity": [1, 2],
        "bandwidth_hz": 1e6,
        "tx_power_w": 0.1,
        "noise_w": 1e-3,
    }
    return Instance(**(fields | changes))


ONLINE = {
    "nothing to come is seen": Scenario.preset("online"),
    "two devices to come are seen": Scenario.preset("online-slack", lookahead=2),
    "gains change": Scenario.preset("fast-fading", servers="per-slot"),
    "gains change and tasks are hidden": Scenario.preset("fast-fading", lookahead=1),
    "path loss": Scenario(lookahead=0, channel=PathLossChannel(correlation=0.5), noise_psd=4e-21),
}
"""Scenarios that hide the future, by what of it."""


def with_another_future(slots, other, device, scenario):
    """The slots, but all that a scenario hides from a device is that of other slots."""
    arrays = {name: np.array(array) for name, array in slots.arrays().items()}
    constant = slots.step_gain is None
    shown = slots.num_devices if scenario.lookahead is None else device + scenario.lookahead + 1
    for name in ("task_bits", "task_cycles"):
        arrays[name][:, shown:] = getattr(other, name)[:, shown:]
    first = shown if constant else device + 1
    arrays["gain"][:, first:] = other.gain[:, first:]
    if not constant:
        arrays["step_gain"][:, first:] = other.step_gain[:, first:]
    return Instance(**arrays)


CITIES = ("city", "downtown", "metro")
"""Presets of hundreds of devices, of which tests play little."""
