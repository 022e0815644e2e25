"""The forward pass of a trained network, in NumPy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Layer = tuple[Array, ...]
"""Weights (out, in) and bias (out,); where servers are scored also context weights (out, in)."""


def scores_servers(layers: Sequence[Layer]) -> bool:
    """Return whether the layers are shared by servers: they have context weights then."""
    return len(layers[0]) > len(("weight", "bias"))


def forward(
    layers: Sequence[Layer], inputs: Array, free: NDArray[np.bool_] | None = None
) -> list[Array]:
    """Return the inputs and every layer's output, with ReLU after all but the last.

    A layer with context weights takes (..., N, in), a row a server, and adds to each server's row
    what the context weights make of the mean row of the free servers. So one network scores any
    number of servers, and those that are full change nothing.

    Args:
        layers: first to last.
        inputs: observations, (..., in) or (..., N, in).
        free: which servers have a free place, (..., N); needed where servers are scored.
    """
    outputs = [inputs]
    share = None if free is None else free_share(free)
    for number, (weight, bias, *context) in enumerate(layers, start=1):
        rows = outputs[-1]
        layer = times(rows, weight.T)
        layer += bias
        if share is not None:
            layer += times(mean_row(share, rows), context[0].T)[..., None, :]
        if number < len(layers):
            np.maximum(layer, 0, out=layer)
        outputs.append(layer)
    return outputs


def free_share(free: NDArray[np.bool_]) -> Array:
    """Return 1 / (number of free servers) at the free servers, else 0, (..., N, 1)."""
    counted = free[..., None].astype(np.float32)
    return np.asarray(counted / np.maximum(counted.sum(axis=-2, keepdims=True), 1))


def mean_row(share: Array, rows: Array) -> Array:
    """Return the mean row of the free servers, (..., in), by what `free_share` returned."""
    return np.asarray(np.matmul(share.swapaxes(-1, -2), rows)[..., 0, :])


def times(rows: Array, matrix: Array) -> Array:
    """Return rows (..., in) times a matrix (in, out), in one product of matrices.

    NumPy would take a product for each of the leading indices, which is several times slower.
    """
    product = rows.reshape(-1, rows.shape[-1]) @ matrix
    return np.asarray(product.reshape(*rows.shape[:-1], matrix.shape[-1]))


def q_values(layers: Sequence[Layer], outputs: list[Array]) -> Array:
    """Return each server's Q-value, (..., N), of what `forward` returned."""
    return outputs[-1][..., 0] if scores_servers(layers) else outputs[-1]
