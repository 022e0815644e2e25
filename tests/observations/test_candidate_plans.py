"""What is planned over candidates: a plan over all links where all are candidates, else its own."""

import numpy as np

from mec_gym.bounds.candidates import CandidateRelaxation
from mec_gym.candidates import Candidates
from mec_gym.observations.candidate_plans import plan_candidates
from mec_gym.observations.plans import OF_DEVICE, OF_SLOT, shape, write_plan
from mec_gym.problem import Problem


def a_slot(rng, num_devices, num_servers):
    """A problem in which some tasks are of equal size, and its prices."""
    problem = Problem(
        rng.uniform(0.1, 1.0, (num_devices, num_servers)),
        rng.integers(20, 26, num_devices) * 1e3,
        rng.uniform(5e9, 9e9, num_servers),
        np.full(num_servers, num_devices),
    )
    return problem, rng.uniform(0, 1e-5, num_servers), rng.uniform(0, 0.1, num_servers)


def test_it_is_the_plan_over_all_links_where_all_are_candidates():
    problem, price, charge = a_slot(np.random.default_rng(1), 30, 4)
    found = plan_candidates(CandidateRelaxation(0.0, price, charge, Candidates.of(problem, 4)))
    expected = np.zeros(shape(30, 4))
    known = problem.link_cost[None], problem.size, problem.link_cost[None], problem.size[None]
    here = problem.server_hz, problem.capacity, np.stack([price, charge])
    write_plan(*known, 30, *here, expected)
    np.testing.assert_array_equal(found.prices, expected[:2])
    np.testing.assert_allclose(found.units, expected[2, :3], rtol=1e-15)  # NumPy sums in pairs
    of_devices = expected[OF_SLOT:].reshape(30, OF_DEVICE, 4)
    np.testing.assert_allclose(found.sizes, of_devices[:, 0, :3], rtol=1e-14)
    wishes = found.wishes.reshape(OF_DEVICE - 1, 30, 4).swapaxes(0, 1)
    np.testing.assert_allclose(wishes, of_devices[:, 1:], rtol=1e-14)


def test_a_device_to_come_wants_the_best_of_its_own_candidates_alone():
    problem, price, charge = a_slot(np.random.default_rng(2), 25, 6)
    given = Candidates.of(problem, 3)
    found = plan_candidates(CandidateRelaxation(0.0, price, charge, given))
    paid = given.link_cost + problem.size[given.device] * price[given.server]
    paid = (paid + charge[given.server]).reshape(25, 3)
    servers = given.server.reshape(25, 3)
    best = np.take_along_axis(servers, paid.argmin(axis=1)[:, None], axis=1)[:, 0]
    for device in range(25):
        later = slice(device + 1, None)
        for link, server in enumerate(servers[device]):
            wanted = best[later] == server
            assert found.wishes[1, 3 * device + link] == wanted.sum()
            assert found.wishes[2, 3 * device + link] == problem.size[later][wanted].sum()
        share = np.sign(problem.size[later] - problem.size[device]) / 2 + 0.5
        assert found.sizes[device, 2] == (share.mean() if device < 24 else 0.0)
