"""The scenarios that come with the package, by name: what each changes of `Scenario`'s defaults."""

from typing import Any

from mec_gym.channels import UniformChannel

_PER_SLOT: dict[str, Any] = {"servers": "per-slot"}

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
    "city": {"num_devices": 1000, "num_servers": 50, "capacity": 20} | _PER_SLOT,
}
"""What each preset changes; a new one is an entry here."""
