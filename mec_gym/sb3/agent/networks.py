"""A network whose parameters lie in one flat array, with its gradient by hand.

At the sizes of Table I most of an update's time is spent between the calls of a library, not in
them; NumPy's calls are the shortest.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mec_gym.policies import network

Array = NDArray[np.float32]


class ServerLinear(nn.Linear):
    """A linear layer shared by all servers, with context weights for the mean over the free ones.

    `ServerScores` applies them; `mec_gym.policies.network.forward` says what comes of it.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.context = nn.Parameter(torch.empty(out_features, in_features))
        nn.init.kaiming_uniform_(self.context, a=5**0.5)  # as nn.Linear does for its weight


class ServerScores(nn.Sequential):
    """Layers shared by servers, with ReLU between them: from (B, N, in) to scores (B, N).

    Args:
        in_features: columns of the observation.
        hidden: widths of the layers between.
        free_at: the column that shows a free server, see `Observation.free_at`.
    """

    def __init__(self, in_features: int, hidden: Sequence[int], free_at: int) -> None:
        widths = [in_features, *hidden, 1]
        layers: list[nn.Module] = []
        for width, following in pairwise(widths):
            layers += [ServerLinear(width, following), nn.ReLU()]
        super().__init__(*layers[:-1])
        self.free_at = free_at

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  # its name in nn.Module
        """Return the score of each server."""
        free = (input[..., self.free_at, None] > 0).to(input.dtype)
        share = free / free.sum(dim=-2, keepdim=True).clamp(min=1)
        rows = input
        for layer in self:
            if isinstance(layer, ServerLinear):
                mean = (share * rows).sum(dim=-2, keepdim=True)
                rows = layer(rows) + mean @ layer.context.t()
            else:
                rows = layer(rows)
        return rows[..., 0]


class FlatNetwork:
    """The parameters and the gradient of a ReLU network, each as one tensor.

    The network goes on to work: its own parameters become views of the flat tensor.

    Attributes:
        values: the parameters, flat; their `grad` is what `backward` writes.
        layers: views of them, as `mec_gym.policies.network` takes them.

    Args:
        module: linear layers, or layers shared by servers, with ReLU between them, on the CPU.

    Raises:
        TypeError: the network has any other layer.
    """

    def __init__(self, module: nn.Sequential) -> None:
        layers = list(module)
        self._free_at = module.free_at if isinstance(module, ServerScores) else None
        linear, between = ({type(layer) for layer in layers[start::2]} for start in (0, 1))
        biased = all(getattr(layer, "bias", None) is not None for layer in layers[::2])
        whole = len(layers) % 2 == 1 and biased and between <= {nn.ReLU}
        if not whole or linear not in ({nn.Linear}, {ServerLinear}):
            raise TypeError(f"network: {module}; it must be linear layers with ReLU between")
        parameters = [list(layer.parameters()) for layer in layers[::2]]
        every = [parameter for layer in parameters for parameter in layer]
        self.values = nn.Parameter(nn.utils.parameters_to_vector(every).detach().clone())
        self.gradient = torch.zeros_like(self.values.data)
        self.values.grad = self.gradient
        start = 0
        self.layers: list[network.Layer] = []
        self._gradients: list[network.Layer] = []
        for layer in parameters:
            views: list[list[Array]] = [[], []]
            for parameter in layer:
                part = slice(start, start := start + parameter.numel())
                parameter.data = self.values.data[part].view_as(parameter)
                views[0].append(parameter.data.numpy())  # the same memory
                views[1].append(self.gradient[part].view_as(parameter).numpy())
            self.layers.append(tuple(views[0]))
            self._gradients.append(tuple(views[1]))

    def forward(self, inputs: Array) -> list[Array]:
        """Return the inputs and every layer's output; see `mec_gym.policies.network`."""
        if self._free_at is None:
            inputs = inputs.reshape(len(inputs), -1)
        return network.forward(self.layers, inputs, self._free(inputs))

    def _free(self, inputs: Array) -> NDArray[np.bool_] | None:
        """Return which servers the inputs show as free, (B, N); None where none are scored."""
        return None if self._free_at is None else inputs[..., self._free_at] > 0

    def q_values(self, inputs: Array) -> Array:
        """Return the Q-values (B, N)."""
        return network.q_values(self.layers, self.forward(inputs))

    def backward(self, outputs: list[Array], error: Array) -> None:
        """Write the gradient of a loss.

        Args:
            outputs: of `forward`.
            error: derivative of the loss by the last of them.
        """
        free = self._free(outputs[0])
        share = None if free is None else network.free_share(free)
        for number in reversed(range(len(self.layers))):
            inputs, (weight, _, *context) = outputs[number], self.layers[number]
            by_weight, by_bias, *by_context = self._gradients[number]
            rows = error.reshape(-1, error.shape[-1])
            np.matmul(rows.T, inputs.reshape(-1, inputs.shape[-1]), out=by_weight)
            rows.sum(axis=0, out=by_bias)
            if share is not None:
                summed = error.sum(axis=-2)
                np.matmul(summed.T, network.mean_row(share, inputs), out=by_context[0])
            if number:
                error = network.times(error, weight)
                if share is not None:
                    error += share * (summed @ context[0])[..., None, :]
                error *= inputs > 0
