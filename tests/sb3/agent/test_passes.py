"""Compiled passes of networks of both kinds against PyTorch's own."""

import numpy as np
import pytest
import torch
from torch import nn

from mec_gym.sb3.agent.networks import FlatNetwork, ServerScores

SAMPLES, SERVERS, FEATURES = 23, 4, 5


def made(kind):
    """A network with its input (B, ...), of which some servers are full."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(SAMPLES, SERVERS, FEATURES)).astype(np.float32)
    inputs[..., 0] = rng.random((SAMPLES, SERVERS)) < 0.6
    inputs[0, :, 0] = 0  # a sample without a free server
    if kind == "servers":
        return ServerScores(FEATURES, (7, 6), 0), inputs
    layers = nn.Linear(FEATURES, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, SERVERS)
    return nn.Sequential(*layers), np.ascontiguousarray(inputs[:, 0])


def which(seed=1):
    rng = np.random.default_rng(seed)
    drawn = rng.random((SAMPLES, SERVERS)) < 0.4
    drawn[3] = False  # a sample of which nothing matters
    return drawn


@pytest.mark.parametrize("kind", ["mlp", "servers"])
def test_the_gradient_by_the_chosen_values_is_autograds(kind):
    network, inputs = made(kind)
    rng = np.random.default_rng(2)
    actions = rng.integers(0, SERVERS, SAMPLES)
    slope = rng.normal(size=SAMPLES).astype(np.float32)
    chosen = network(torch.from_numpy(inputs))[np.arange(SAMPLES), actions]
    gradients = torch.autograd.grad(
        (chosen * torch.from_numpy(slope)).sum(), list(network.parameters())
    )
    flat = FlatNetwork(network)
    rows = flat.rows(inputs, actions)
    values, *kept = flat.chosen(rows, actions)
    np.testing.assert_allclose(values, chosen.detach().numpy(), rtol=1e-5, atol=1e-6)
    flat.backward(rows, kept, actions, slope)
    expected = torch.cat([gradient.reshape(-1) for gradient in gradients])
    torch.testing.assert_close(flat.values.grad, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["mlp", "servers"])
@pytest.mark.parametrize("double", [False, True])
def test_the_best_value_is_that_of_the_best_server_that_matters(kind, double):
    (network, inputs), (other, _) = made(kind), made(kind)
    for parameter in other.parameters():
        nn.init.normal_(parameter, std=0.4)
    with torch.no_grad():
        values, judged = (each(torch.from_numpy(inputs)).numpy() for each in (network, other))
    choice = np.where(which(), judged if double else values, -np.inf)
    expected = values[np.arange(SAMPLES), choice.argmax(axis=1)]
    expected[~which().any(axis=1)] = 0
    flat, judge = FlatNetwork(network), FlatNetwork(other)
    found = flat.best_values(flat.rows(inputs, which()), judge if double else None)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (judged.argmax(axis=1) != values.argmax(axis=1)).any()


@pytest.mark.parametrize("kind", ["mlp", "servers"])
def test_a_part_of_the_samples_has_the_values_it_has_among_all(kind):
    network, inputs = made(kind)
    flat = FlatNetwork(network)
    rows, actions = flat.rows(inputs), np.arange(SAMPLES) % SERVERS
    whole, *_ = flat.chosen(rows, actions)
    for first, last in ((0, 5), (5, 6), (6, SAMPLES)):
        part, *_ = flat.chosen(rows.of(first, last), actions[first:last])
        np.testing.assert_allclose(part, whole[first:last], rtol=1e-5, atol=1e-6)


def test_no_row_is_kept_that_changes_nothing():
    network, inputs = made("servers")
    kept = FlatNetwork(network).rows(inputs, which())
    free = inputs[..., 0] > 0
    matters = which().any(axis=1)
    assert len(kept.inputs) == ((free | which()) & matters[:, None]).sum() < SAMPLES * SERVERS
    assert np.array_equal(kept.place >= 0, which())
    of_each = np.add.reduceat(np.append(kept.share, 0), kept.start[:-1])[np.diff(kept.start) > 0]
    np.testing.assert_allclose(of_each, (free.any(axis=1))[matters], rtol=1e-6)
