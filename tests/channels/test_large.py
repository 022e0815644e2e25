"""Gains of large slots: by the TR's text, each link by itself, the same whichever are asked for."""

import numpy as np
import pytest
from scipy.special import ndtr
from test_urban import los_probability, path_loss

from mec_gym.channels import UrbanMacroChannel
from mec_gym.channels.large import LARGE, urban


def in_db(gain):
    return -10 * np.log10(gain)


@pytest.mark.parametrize(("apart", "loss"), [(1000.0, 128.1), (100.0, 90.5), (1.0, 73.357)])
def test_the_path_loss_is_that_of_a_macro_cell_from_35_m_on(apart, loss):
    gains, noise_psd = LARGE["path-loss"](0)
    assert in_db(gains(np.array([[apart]]), np.array([0]))).item() == pytest.approx(loss, abs=1e-3)
    assert 10 * np.log10(noise_psd * 1e3) == pytest.approx(-174)


@pytest.mark.parametrize("deviations", [-2.0, 0.0, 1.0])
@pytest.mark.parametrize(
    ("sight", "state", "deviation"), [(0.0, "los", 4.0), (0.9999, "nlos", 6.0)]
)
def test_a_link_has_the_loss_and_the_shadowing_of_the_tr(sight, state, deviation, deviations):
    apart = np.array([[5.0, 100.0, 900.0, 4000.0]])
    channel = UrbanMacroChannel(fading="none")
    shadow = np.full(apart.shape, (ndtr(deviations) - ndtr(-3)) / (ndtr(3) - ndtr(-3)))
    found = channel.of_links(np.zeros(3), apart, np.full(apart.shape, sight), shadow)
    states = ["los" if each < 18 else state for each in apart[0]]  # it is always free there
    expected = [
        path_loss("uma", each, max(far, 10.0), 3.5) + deviations * (4.0 if each == "los" else 6.0)
        for far, each in zip(apart[0], states, strict=True)
    ]
    np.testing.assert_allclose(in_db(found[0]), expected, atol=1e-6)


def test_as_many_links_are_in_sight_as_the_tr_has_it():
    gains = urban(UrbanMacroChannel(fading="none", shadowing="none"), 3)
    for apart in (50.0, 150.0):
        loss = in_db(gains(np.full((300, 400), apart), np.arange(300)))
        seen = np.isclose(loss, path_loss("uma", "los", apart, 3.5))
        assert seen.mean() == pytest.approx(los_probability("uma", apart), abs=0.01)
        # By itself: neither a device nor a site has more of them than chance gives.
        for axis, count in ((0, 300), (1, 400)):
            assert seen.mean(axis).std() == pytest.approx(seen.std() / count**0.5, rel=0.2)


def test_shadowing_is_normal_in_db_and_of_each_link_alone():
    gains = urban(UrbanMacroChannel(fading="none"), 4)
    loss = in_db(gains(np.full((200, 300), 3000.0), np.arange(200)))
    blocked = path_loss("uma", "nlos", 3000.0, 3.5)
    lower, middle, upper = np.quantile(loss, [0.25, 0.5, 0.75])  # a few links are in sight
    assert middle == pytest.approx(blocked, abs=0.1)
    assert (upper - lower) / 1.349 == pytest.approx(6.0, rel=0.03)
    assert abs(np.corrcoef(loss[0], loss[1])[0, 1]) < 0.2
    assert abs(np.corrcoef(loss[:, 0], loss[:, 1])[0, 1]) < 0.2


def test_a_devices_gains_are_the_same_whoever_is_asked_for_beside_it():
    gains, _ = LARGE["uma"](5)
    distance = np.random.default_rng(0).uniform(0, 5e3, (50, 7))
    whole = gains(distance, np.arange(50))
    for some in (np.array([49]), np.array([3, 40, 1]), np.arange(10, 30)):
        np.testing.assert_array_equal(gains(distance[some], some), whole[some])
    other, _ = LARGE["uma"](6)
    assert (other(distance, np.arange(50)) != whole).mean() > 0.9
