"""The scenarios that come with the package, by name: what each changes of `Scenario`'s defaults."""

from pathlib import Path
from typing import Any

from mec_gym import networks
from mec_gym.arrivals import Arrivals
from mec_gym.channels import UniformChannel, UrbanMacroChannel, UrbanMicroChannel
from mec_gym.mobility import RandomWaypoint, Trace

_PER_SLOT: dict[str, Any] = {"servers": "per-slot"}

_FIFTY: dict[str, Any] = {
    "num_devices": 50,
    "num_servers": 5,
    "capacity": 10,
    "server_hz": (15e9, 27e9),
}
_ENERGY: dict[str, Any] = {"local_hz": (1e9, 2e9), "energy_weight": (0.0, 0.3)}
_TIERS: dict[str, Any] = {
    "local_hz": (1e9, 2e9),
    "energy_weight": 0.05,
    "cloud_delay_s": 0.7,
    "cloud_hz": 3e10,
}
_DEADLINES: dict[str, Any] = {"capacity": 4, "deadline_s": (0.2, 1.2), "drop_penalty_s": 1.5}
_PLACE: dict[str, Any] = {
    "task_bits": (1e6, 5e6),
    "server_hz": (30e9, 60e9),  # some sixteen cores a site
    "bandwidth_hz": 10e6,
    "tx_power_w": 0.2,
}
_SUBURB = UrbanMicroChannel(
    side_m=700, layout="hexagonal", inter_site_m=250, indoor_share=0.2, site_gain_db=8
)
_DOWNTOWN = UrbanMicroChannel(
    side_m=1000, clusters=12, cluster_radius_m=60, indoor_share=0.5, site_gain_db=8
)
_METRO = UrbanMacroChannel(side_m=5000, layout="hexagonal", inter_site_m=400, site_gain_db=14)

_QUEUES: dict[str, Any] = {  # load 0.8: mean work of a slot over what the servers do in one
    "capacity": 5,
    "slots": 50,
    "slot_s": 0.582,
    "arrivals": Arrivals(probability=0.8),
}
_RUSH = tuple(  # load 0.5, up to 1.2, and back; 1.2 where all devices have a task
    round(load / 1.2, 3)
    for load in (
        *[0.5] * 8,
        *(0.5 + 0.7 * step / 12 for step in range(1, 12)),
        *[1.2] * 10,
        *(1.2 - 0.7 * step / 12 for step in range(1, 12)),
        *[0.5] * 8,
    )
)

_DRIVE = Path(networks.__file__).with_name("data") / "drive.csv"
"""Vehicles on a grid of four by four streets, drawn by `benchmarks.streets`."""

_ROADSIDE = tuple(  # at every other crossing
    (75.0 + 200 * column, 75.0 + 200 * row)
    for row in range(4)
    for column in range(4)
    if (row + column) % 2 == 0
)

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},  # Sec. IV-A is the default of every field
    "paper-varied": _PER_SLOT,
    "paper-frequency": {"server_hz": 5e9},  # Fig. 4: homogeneous, 5 to 10 GHz
    "paper-complexity": {"cycles_per_bit": 750.0},  # Fig. 5: 500 to 1000 cycles/bit
    "slack": {"capacity": 5} | _PER_SLOT,
    "large": {"num_devices": 50, "num_servers": 5, "capacity": 10} | _PER_SLOT,
    "online": {"lookahead": 0} | _PER_SLOT,
    "online-slack": {"capacity": 5, "lookahead": 0} | _PER_SLOT,
    "fast-fading": {"channel": UniformChannel(correlation=0.0)},
    "energy": _PER_SLOT | _ENERGY,  # stay or send, where a joule costs each device another time
    "energy-large": _PER_SLOT | _FIFTY | _ENERGY,
    "tiers": _PER_SLOT | _TIERS,  # the device, an edge server, or a cloud further away
    "tiers-large": _PER_SLOT | _FIFTY | _TIERS,
    "deadlines": _PER_SLOT | _DEADLINES,  # keep to a deadline, or drop the task
    "deadlines-large": _PER_SLOT | _FIFTY | _DEADLINES | {"capacity": 12},
    # Sites on a map, by the radio of 3GPP TR 38.901.
    "suburb": _PLACE | {"num_devices": 40, "num_servers": 7, "capacity": 8, "channel": _SUBURB},
    "downtown": _PLACE
    | {"num_devices": 200, "num_servers": 25, "capacity": 12, "channel": _DOWNTOWN},
    "metro": _PLACE | {"num_devices": 800, "num_servers": 125, "capacity": 8, "channel": _METRO},
    # Slots that follow one another, with work left over.
    "queues": _QUEUES,
    "rush-hour": _QUEUES
    | {"slots": len(_RUSH), "slot_s": 0.485, "arrivals": Arrivals(probability=_RUSH)},
    "walk": _PLACE  # load 0.8, pedestrians, services that follow them
    | {
        "num_devices": 40,
        "num_servers": 7,
        "capacity": 8,
        "channel": _SUBURB,
        "task_cycles": (2.5e9, 10e9),
        "slots": 60,
        "slot_s": 1.2,
        "mobility": RandomWaypoint(),
        "handover_s": 0.1,
    },
    "drive": _PLACE  # load 0.8, vehicles on a grid of streets, services with a state to be moved
    | {
        "num_devices": 30,
        "num_servers": len(_ROADSIDE),
        "capacity": 6,
        "channel": UrbanMicroChannel(side_m=750, server_positions_m=_ROADSIDE, site_gain_db=8),
        "task_cycles": (2e9, 8e9),
        "server_hz": (15e9, 30e9),
        "slots": 60,
        "slot_s": 1.0,
        "arrivals": Arrivals(probability=0.8),
        "mobility": Trace(table=str(_DRIVE)),
        "state_bits": (5e7, 2e8),
        "backhaul_bps": 1e9,
    },
    "city": {"num_devices": 1000, "num_servers": 50, "capacity": 20} | _PER_SLOT,
}
"""What each preset changes; a new one is an entry here."""
