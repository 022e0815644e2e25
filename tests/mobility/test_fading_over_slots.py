"""Fading from slot to slot: Jakes' correlation, and amplitudes that have it."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from mec_gym.channels.fading import amplitudes_over_slots, jakes, over_slots


@pytest.mark.parametrize(("speed", "ghz", "apart"), [(1.0, 3.5, 0.01), (30.0, 0.9, 0.002)])
def test_jakes_is_the_mean_over_waves_from_all_directions(speed, ghz, apart):
    doppler = speed * ghz * 1e9 / 299792458.0
    mean, _ = quad(lambda a: np.cos(2 * np.pi * doppler * apart * np.cos(a)), 0, np.pi)
    found = jakes(np.array([speed, 0.0]), ghz * 1e9, apart)
    assert found == pytest.approx([mean / np.pi, 1.0], abs=1e-9)


def test_jakes_first_zero_is_where_tables_have_it():
    wavelength = 299792458.0 / 2e9
    at = 2.404825557695773 / (2 * np.pi) * wavelength  # m, as J0's argument is 2 pi d / wavelength
    assert jakes(np.array(at / 0.25), 2e9, 0.25) == pytest.approx(0.0, abs=1e-12)
    assert jakes(np.array(0.9 * at), 2e9, 1.0) > 0 > jakes(np.array(1.1 * at), 2e9, 1.0)


def test_amplitudes_have_the_correlation_of_each_device_and_slot():
    rng, n = np.random.default_rng(0), 60_000
    rho = np.array([[0.9, -0.4], [0.5, -0.4], [0.0, 1.0]])  # 4 slots, 2 devices
    sizes, phases = rng.random((2, n, 4, 2, 1))
    real, imaginary = amplitudes_over_slots(sizes, phases, np.broadcast_to(rho, (n, 3, 2)))
    amplitude = (real + 1j * imaginary)[..., 0]
    product = (amplitude[:, 1:] * amplitude[:, :-1].conj()).mean(axis=0)
    np.testing.assert_allclose(product, rho, atol=0.02)
    two_on = (amplitude[:, 2] * amplitude[:, 0].conj()).mean(axis=0)
    np.testing.assert_allclose(two_on, rho[0] * rho[1], atol=0.02)
    np.testing.assert_allclose((abs(amplitude) ** 2).mean(axis=0), 1.0, atol=0.03)
    between = (amplitude[:, :, 0] * amplitude[:, :, 1].conj()).mean(axis=0)
    np.testing.assert_allclose(between, 0, atol=0.02)


def test_the_quantiles_are_uniform_in_each_slot():
    rng = np.random.default_rng(1)
    sizes, phases = rng.random((2, 4000, 3, 1, 1))
    found = over_slots(sizes, phases, np.full((4000, 2, 1), 0.7))[..., 0, 0]
    for slot in range(3):
        assert kstest(found[:, slot], "uniform").pvalue > 1e-3
    np.testing.assert_allclose(found[:, 0], sizes[:, 0, 0, 0], rtol=1e-9)
