"""A fully connected network whose parameters lie in one flat array, with its gradient by hand.

At the sizes of Table I most of an update's time is spent between the calls of a library, not in
them; NumPy's calls are the shortest.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float32]


class FlatMLP:
    """The parameters and the gradient of a ReLU network, each as one tensor.

    The network goes on to work: its own parameters become views of the flat tensor.

    Args:
        network: linear layers with ReLU between them, on the CPU.

    Raises:
        TypeError: the network has any other layer.
    """

    def __init__(self, network: nn.Sequential) -> None:
        layers = list(network)
        for index, layer in enumerate(layers):
            if type(layer) is not (nn.ReLU if index % 2 else nn.Linear):
                raise TypeError(f"network: {network}; it must be linear layers with ReLU between")
        parameters = list(network.parameters())
        self.values = nn.Parameter(nn.utils.parameters_to_vector(parameters).detach().clone())
        self.gradient = torch.zeros_like(self.values.data)
        self.values.grad = self.gradient
        sizes = [parameter.numel() for parameter in parameters]
        views = [
            [part.view_as(p) for part, p in zip(torch.split(flat, sizes), parameters, strict=True)]
            for flat in (self.values.data, self.gradient)
        ]
        for parameter, view in zip(parameters, views[0], strict=True):
            parameter.data = view
        values, gradients = ([view.numpy() for view in part] for part in views)  # the same memory
        self._weights, self._biases = values[::2], values[1::2]
        self._weight_gradients, self._bias_gradients = gradients[::2], gradients[1::2]

    def forward(self, inputs: Array) -> list[Array]:
        """Return the inputs (B, in), the hidden layers' outputs, and the outputs (B, out)."""
        outputs = [inputs]
        for weight, bias in zip(self._weights, self._biases, strict=True):
            layer = outputs[-1] @ weight.T
            layer += bias
            if weight is not self._weights[-1]:
                np.maximum(layer, 0, out=layer)
            outputs.append(layer)
        return outputs

    def backward(self, outputs: list[Array], error: Array) -> None:
        """Write the gradient of a loss.

        Args:
            outputs: of `forward`.
            error: derivative of the loss by the network's outputs, (B, out).
        """
        for layer in reversed(range(len(self._weights))):
            np.matmul(error.T, outputs[layer], out=self._weight_gradients[layer])
            error.sum(axis=0, out=self._bias_gradients[layer])
            if layer:
                error = error @ self._weights[layer]
                error *= outputs[layer] > 0
