"""A fully connected network whose parameters lie in one flat tensor, with its gradient by hand.

At minibatches of 64 most of an update's time goes into what autograd and an optimiser do around
each small tensor, not into arithmetic. This does the same arithmetic with a call a layer.
"""

import torch
from torch import nn


class FlatMLP:
    """The parameters and the gradient of a ReLU network, each as one tensor.

    The network goes on to work: its own parameters become views of the flat tensor.

    Args:
        network: linear layers with ReLU between them.

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
        self.values.grad = torch.zeros_like(self.values)
        sizes = [parameter.numel() for parameter in parameters]
        views = [
            [part.view_as(p) for part, p in zip(torch.split(flat, sizes), parameters, strict=True)]
            for flat in (self.values.data, self.values.grad)
        ]
        for parameter, view in zip(parameters, views[0], strict=True):
            parameter.data = view
        self._weights, self._biases = views[0][::2], views[0][1::2]
        self._weight_gradients, self._bias_gradients = views[1][::2], views[1][1::2]

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return the inputs (B, in), the hidden layers' outputs, and the outputs (B, out)."""
        outputs = [inputs]
        for weight, bias in zip(self._weights, self._biases, strict=True):
            layer = torch.addmm(bias, outputs[-1], weight.t())
            outputs.append(layer if weight is self._weights[-1] else layer.relu_())
        return outputs

    def backward(self, outputs: list[torch.Tensor], error: torch.Tensor) -> None:
        """Write the gradient of a loss.

        Args:
            outputs: of `forward`.
            error: derivative of the loss by the network's outputs, (B, out).
        """
        for layer in reversed(range(len(self._weights))):
            torch.mm(error.t(), outputs[layer], out=self._weight_gradients[layer])
            torch.sum(error, dim=0, out=self._bias_gradients[layer])
            if layer:
                error = (error @ self._weights[layer]).mul_(outputs[layer] > 0)
