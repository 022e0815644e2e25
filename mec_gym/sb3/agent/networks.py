"""A network whose parameters lie in one flat array, with its gradient by hand."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mec_gym.policies import network
from mec_gym.sb3.agent import passes
from mec_gym.sb3.agent.passes import Rows

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


_NO_SHARE = np.empty(0, np.float32)


@lru_cache(maxsize=8)  # those of acting and of minibatches, again and again
def _one_row_each(samples: int, servers: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and place, see `Rows`, of samples of one row."""
    return np.arange(samples + 1), np.arange(samples * servers).reshape(samples, servers)


class FlatNetwork:
    """The parameters and the gradient of a ReLU network, each as one tensor.

    The network goes on to work: its own parameters become views of the flat tensor.

    Attributes:
        values: the parameters, flat; their `grad` is what `backward` writes.
        parameters: the same memory as an array.
        widths: of the inputs and of each layer.
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
        gradient = torch.zeros_like(self.values.data)
        self.values.grad = gradient
        self.parameters, self._gradient = self.values.data.numpy(), gradient.numpy()
        self.widths = np.array(
            [layers[0].in_features, *(layer.out_features for layer in layers[::2])]
        )
        start = 0
        self.layers: list[network.Layer] = []
        for layer in parameters:
            views: list[Array] = []
            for parameter in layer:
                part = slice(start, start := start + parameter.numel())
                parameter.data = self.values.data[part].view_as(parameter)
                views.append(parameter.data.numpy())  # the same memory
            self.layers.append(tuple(views))

    @property
    def scores_servers(self) -> bool:
        """Whether its layers are shared by servers."""
        return self._free_at is not None

    def rows(self, observations: Array, which: NDArray[Any] | None = None) -> Rows:
        """Return what the network reads of observations (B, ...).

        Args:
            observations: of B samples.
            which: the servers whose values matter: which they are, (B, N), or the one of each
                sample, (B,); None: all.
        """
        samples = len(observations)
        if self._free_at is not None:
            shape = observations.shape[:2]
            if which is None:
                which = np.ones(shape, dtype=np.bool_)
            elif which.ndim == 1:
                which = which[:, None] == np.arange(shape[1])
            packed: Rows = passes.pack(observations, self._free_at, which)
            return packed
        start, place = _one_row_each(samples, int(self.widths[-1]))
        if which is not None and which.ndim == 2:
            place = np.where(which, place, -1)
        inputs = np.ascontiguousarray(observations).reshape(samples, -1)
        return Rows(inputs, start, _NO_SHARE, place)

    def q_values(self, observations: Array) -> Array:
        """Return the Q-values (B, N)."""
        rows = self.rows(observations)
        values: Array = passes.all_values(self.parameters, self.widths, rows)
        return values.reshape(rows.place.shape)

    def best_values(self, rows: Rows, judge: "FlatNetwork | None" = None) -> Array:
        """Return the Q-value of the best server of each sample, (B,); 0 where none matters.

        Args:
            rows: what `rows` returned.
            judge: the network that says which server is best; None: this one.
        """
        online = self if judge is None else judge
        found: Array = passes.best_values(
            self.parameters, online.parameters, judge is not None, self.widths, rows
        )
        return found

    def chosen(self, rows: Rows, actions: NDArray[np.int64]) -> tuple[Array, Array, Array]:
        """Return the Q-values of the chosen servers, (B,), and two arrays for `backward`."""
        found: tuple[Array, Array, Array] = passes.chosen_values(
            self.parameters, self.widths, rows, actions
        )
        return found

    def backward(
        self, rows: Rows, kept: Sequence[Array], actions: NDArray[np.int64], slope: Array
    ) -> None:
        """Write the gradient of a loss.

        Args:
            rows: as for `chosen`.
            kept: what that returned behind the Q-values.
            actions: as for `chosen`.
            slope: derivative of the loss by the Q-values of these, (B,).
        """
        outputs, means = kept
        passes.descend(
            self.parameters, self._gradient, self.widths, rows, outputs, means, actions, slope
        )
