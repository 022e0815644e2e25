"""What the paper leaves open: every way to read it, played on the same slots."""

import numpy as np
import pytest

import mec_gym
from evaluate.paper.readings import Reading


def test_readings_cover_every_combination_and_the_default_is_the_plain_scenario(readings):
    assert all(isinstance(reading, Reading) for reading in readings)
    choices = {(r.noise, r.bandwidth, r.servers, r.shares, r.goa) for r in readings}
    assert len(choices) == len(readings) == 2**5
    default = next(
        r
        for r in readings
        if (r.noise, r.bandwidth, r.servers, r.shares, r.goa)
        == ("density, W/Hz", "B each", "one deployment", "Eq. (20)", "as it is")
    )
    slots = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9).sample(10, 0)
    goa = mec_gym.average_delay(slots, mec_gym.policies.get("goa")(slots, 0)).mean()
    assert default.goa_5ghz == pytest.approx(goa)
    got = [default.optimum_5ghz, default.goa_5ghz, default.roa_5ghz]
    off = np.sqrt(np.mean((np.array(got) / [0.60, 0.70, 0.85] - 1) ** 2))
    assert default.distance_figure_4 == pytest.approx(off)
    assert sorted(readings, key=lambda reading: reading.distance) == readings
    shared = next(r for r in readings if r.bandwidth == "B/M each" and r.noise == "power, W")
    assert shared.optimum_5ghz > default.optimum_5ghz  # nine times the transmission
