"""Path loss, line of sight and walls of uma and umi, against those of Sionna."""

import warnings

import numpy as np
import pytest

from mec_gym.channels import tr38901

pytestmark = pytest.mark.slow  # the oracle is imported for seconds

DISTANCES = np.geomspace(10.0, 5000.0, 10_000)
KINDS = {"uma": (tr38901.UMA, 25.0), "umi": (tr38901.UMI, 10.0)}
CARRIERS = [0.7, 3.5, 28.0]


@pytest.fixture(scope="module")
def tr():
    pytest.importorskip("sionna.phy", reason="the oracle is sionna-no-rt, which is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sionna.phy.channel import tr38901 as theirs
    return theirs


@pytest.fixture
def topology(tr):
    """What makes Sionna's scenario of links of all the distances, 100 devices a batch."""

    def made(kind, ghz, device_m=1.5, indoors=False, sight=None):
        import torch

        array = tr.PanelArray(
            num_rows_per_panel=1,
            num_cols_per_panel=1,
            polarization="single",
            polarization_type="V",
            antenna_pattern="omni",
            carrier_frequency=ghz * 1e9,
            precision="double",
        )
        scenario = {"uma": tr.UMa, "umi": tr.UMi}[kind](
            carrier_frequency=ghz * 1e9,
            o2i_model="low",
            ut_array=array,
            bs_array=array,
            direction="uplink",
            precision="double",
        )._scenario
        shape = (100, 100)
        apart = torch.tensor(DISTANCES.reshape(shape))
        still = torch.zeros((*shape, 3), dtype=torch.double)
        device = torch.stack([apart, torch.zeros_like(apart), torch.full_like(apart, device_m)], -1)
        site = torch.zeros((100, 1, 3), dtype=torch.double)
        site[..., 2] = KINDS[kind][1]
        scenario.set_topology(
            ut_loc=device,
            bs_loc=site,
            ut_orientations=still,
            bs_orientations=torch.zeros_like(site),
            ut_velocities=still,
            in_state=torch.full(shape, indoors),
            los=sight,
        )
        return scenario

    return made


def numbers(tensor):
    """What Sionna has of the links to the one site, in the order of the distances."""
    return np.asarray(tensor)[:, 0].ravel()


@pytest.mark.parametrize("ghz", CARRIERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("device_m", [1.5, 10.0])
def test_path_loss_is_within_a_twentieth_of_a_decibel_of_sionnas(topology, kind, ghz, device_m):
    environment, site_m = KINDS[kind]
    ours = environment.losses_db(DISTANCES, ghz, site_m, device_m)
    for sight, losses in zip((True, False), ours, strict=True):
        theirs = numbers(topology(kind, ghz, device_m, sight=sight).basic_pathloss)
        assert np.abs(losses - theirs).max() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_the_probability_of_sight_is_within_a_hundredth_of_sionnas(topology, kind):
    off = KINDS[kind][0].sight(DISTANCES) - numbers(topology(kind, 3.5).los_probability)
    assert np.abs(off).max() < 0.01


def test_deviations_and_correlation_distances_are_sionnas(topology):
    for kind, (environment, _) in KINDS.items():
        scenario = topology(kind, 28.0)
        tables = scenario._params_los, scenario._params_nlos, scenario._params_o2i
        assert environment.shadowing_db == pytest.approx([float(t["sigmaSF"]) for t in tables])
        assert environment.correlation_m == pytest.approx([float(t["corrDistSF"]) for t in tables])
        assert float(scenario._los_state_correlation_distance()) == tr38901.SIGHT_CORRELATION_M


def test_a_wall_loses_on_average_what_sionnas_do(topology, tr):
    from sionna.phy.channel.tr38901.lsp import LSPGenerator

    scenario = topology("uma", 28.0, indoors=True)
    behind = numbers(scenario.distance_2d_in)
    assert behind.max() <= tr38901.MOST_INDOOR_M
    generator = LSPGenerator(scenario)
    generator.topology_updated_callback()
    lost = numbers(generator.sample_pathloss() - scenario.basic_pathloss)
    extra = lost - tr38901.INDOOR_DB_PER_M * behind - tr38901.wall_db(28.0)
    assert extra.mean() == pytest.approx(0, abs=5 * tr38901.WALL_SPREAD_DB / 100)
    assert extra.std() == pytest.approx(tr38901.WALL_SPREAD_DB, rel=0.05)
