"""The problem of an episode: its numbers make of an assignment what playing it costs."""

import numpy as np
import pytest
from tiny_episodes import optimum, scenario

from mec_gym.episode_problem import EpisodeProblem


def cost(problem, assignment):
    """What an assignment (K, M) of one episode costs, in plain numbers as the module says."""
    num_servers = problem.server_hz.shape[1]
    backlog, last, total = np.zeros(num_servers), {}, 0.0
    for k, chosen in enumerate(assignment.tolist()):
        hz = problem.server_hz[k]
        load, work = np.zeros(num_servers), np.zeros(num_servers)
        for m, n in enumerate(chosen):
            if n < 0:
                continue
            total += problem.link_cost[k, m, n]
            if n < num_servers:
                moved = last.get(m, n) != n
                wait = backlog[n] / hz[n] + moved * problem.moving_s[k, m]
                assert wait <= problem.limit[k, m, n]
                total += problem.weight[k, m] * wait
                load[n] += problem.size[k, m]
                work[n] += problem.work[k, m]
                last[m] = n
        total += (load**2 / hz).sum()
        backlog = np.maximum(0.0, backlog + work - hz * problem.slot_s)
    return total


def test_an_optimum_costs_what_playing_it_does_whatever_the_options():
    moved = 0
    for row in range(60):
        drawn = scenario(np.random.default_rng(row)).sample_episodes(1, row)
        best, assignment = optimum(drawn)
        problem = EpisodeProblem.of(drawn)
        assert cost(problem.episode(0), assignment) == pytest.approx(best, rel=1e-9)
        moved += problem.moves
    assert 10 < moved < 60
