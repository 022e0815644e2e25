"""The forward pass of a trained network, in NumPy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Layer = tuple[Array, ...]
"""Weights (out, in) and bias (out,); where servers are scored also context weights (out, in)."""


def forward(layers: Sequence[Layer], inputs: Array) -> list[Array]:
    """Return the inputs and every layer's output, with ReLU after all but the last.

    A layer with context weights takes (..., N, in), a row a server, and adds to each server's row
    what the context weights make of the mean row. So one network scores any number of servers.
    """
    outputs = [inputs]
    for number, (weight, bias, *context) in enumerate(layers, start=1):
        rows = outputs[-1]
        layer = rows @ weight.T
        layer += bias
        if context:
            layer += (rows.mean(axis=-2) @ context[0].T)[..., None, :]
        if number < len(layers):
            np.maximum(layer, 0, out=layer)
        outputs.append(layer)
    return outputs


def q_values(layers: Sequence[Layer], outputs: list[Array]) -> Array:
    """Return each server's Q-value, (..., N), of what `forward` returned."""
    scores_servers = len(layers[-1]) > len(("weight", "bias"))
    return outputs[-1][..., 0] if scores_servers else outputs[-1]
