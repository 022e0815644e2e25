"""Forward and backward passes of a ReLU network whose parameters lie in one array, compiled.

At the sizes of Table I most of an update's time is spent between the calls of a library, not in
them: here only the products of matrices are calls.

Parameters and gradients are flat: weights (out, in), bias and, where servers are scored, context
weights (out, in) of each layer in turn; `mec_gym.policies.network` says what comes of them. So are
the outputs of all layers, (R, out) each, and the mean rows that they see, (B, in) each.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  # numba's products; loaded when threads are limited
from numpy.typing import NDArray

from mec_gym.compiling import loop

Array = NDArray[np.float32]


class Rows(NamedTuple):
    """What a network reads of B samples: a row each, or one for each server that matters.

    Attributes:
        inputs: the rows, (R, in).
        start: sample b has rows start[b] - start[0] to start[b + 1] - start[0] - 1, (B + 1,).
        share: 1 / (number of the sample's free servers) in the row of a free one, else 0, (R,);
            (0,) where no servers are scored.
        place: where among the last layer's outputs the value of each server stands, less that of
            the first row, (B, N); -1 where it does not matter.
    """

    inputs: Array
    start: NDArray[np.int64]
    share: Array
    place: NDArray[np.int64]

    def of(self, first: int, last: int) -> "Rows":
        """Return those of samples `first` to `last` - 1."""
        if last - first == len(self.place):
            return self
        before, begin, end = self.start[0], self.start[first], self.start[last]
        part = slice(begin - before, end - before)
        start = self.start[first : last + 1]
        return Rows(self.inputs[part], start, self.share[part], self.place[first:last])


@loop
def pack(observations: Any, free_at: Any, wanted: Any) -> Any:
    """Return the `Rows` of observations (B, N, in).

    Args:
        observations: a row a server.
        free_at: the column above 0 where the server is free.
        wanted: whose values matter, (B, N); where none of a sample's does it has no rows.
    """
    samples, servers, features = observations.shape
    inputs = np.empty((samples * servers, features), np.float32)
    share = np.empty(samples * servers, np.float32)
    start = np.zeros(samples + 1, np.int64)
    place = np.full((samples, servers), -1)
    row = 0
    for sample in range(samples):
        matters, free = False, 0
        for server in range(servers):
            matters |= wanted[sample, server]
            free += observations[sample, server, free_at] > 0
        for server in range(servers if matters else 0):
            is_free = observations[sample, server, free_at] > 0
            if is_free or wanted[sample, server]:
                inputs[row] = observations[sample, server]
                share[row] = np.float32(1) / np.float32(free) if is_free else np.float32(0)
                if wanted[sample, server]:
                    place[sample, server] = row
                row += 1
        start[sample + 1] = row
    return Rows(inputs[:row], start, share[:row], place)


@loop
def forward(values: Any, widths: Any, rows: Any) -> Any:
    """Return the outputs of all layers, flat, and the mean rows that these saw, flat.

    Args:
        values: the parameters.
        widths: of the inputs and of each layer.
        rows: see `Rows`.
    """
    count, samples, shared = len(rows.inputs), len(rows.start) - 1, len(rows.share) > 0
    start = rows.start - rows.start[0]
    outputs = np.empty(count * widths[1:].sum(), np.float32)
    means = np.zeros(samples * widths[:-1].sum() if shared else 0, np.float32)
    before, at, done, seen = rows.inputs, 0, 0, 0
    for layer in range(len(widths) - 1 if count else 0):
        width, out, hidden = widths[layer], widths[layer + 1], layer < len(widths) - 2
        weight = values[at : at + width * out].reshape(out, width)
        at += width * out
        bias = values[at : at + out]
        at += out
        after = outputs[done : done + count * out].reshape(count, out)
        done += count * out
        np.dot(before, weight.T, after)
        if not shared:
            for row in range(count):
                for entry in range(out):
                    value = after[row, entry] + bias[entry]
                    after[row, entry] = max(value, np.float32(0)) if hidden else value
        else:
            context = values[at : at + width * out].reshape(out, width)
            at += width * out
            mean = means[seen : seen + samples * width].reshape(samples, width)
            seen += samples * width
            for sample in range(samples):
                for row in range(start[sample], start[sample + 1]):
                    for entry in range(width):
                        mean[sample, entry] += rows.share[row] * before[row, entry]
            added = np.dot(mean, context.T)
            for sample in range(samples):
                for entry in range(out):
                    added[sample, entry] += bias[entry]
                for row in range(start[sample], start[sample + 1]):
                    for entry in range(out):
                        value = after[row, entry] + added[sample, entry]
                        after[row, entry] = max(value, np.float32(0)) if hidden else value
        before = after
    return outputs, means


@loop
def backward(
    values: Any,
    gradient: Any,
    widths: Any,
    rows: Any,
    outputs: Any,
    means: Any,
    error: Any,
) -> None:
    """Write the gradient of a loss.

    Args:
        values: the parameters.
        gradient: of the loss by these, written.
        widths: as for `forward`.
        rows: likewise.
        outputs: what that returned.
        means: likewise.
        error: derivative of the loss by the last layer's outputs, (R, out).
    """
    count, samples, shared = len(rows.inputs), len(rows.start) - 1, len(rows.share) > 0
    start = rows.start - rows.start[0]
    at, done, seen = len(values), len(outputs), len(means)
    for layer in range(len(widths) - 2, -1, -1):
        width, out = widths[layer], widths[layer + 1]
        done -= count * out
        before = rows.inputs
        if layer:
            before = outputs[done - count * width : done].reshape(count, width)
        summed = np.zeros((samples if shared else 0, out), np.float32)
        if shared:
            at -= width * out
            context = values[at : at + width * out].reshape(out, width)
            by_context = gradient[at : at + width * out].reshape(out, width)
            seen -= samples * width
            mean = means[seen : seen + samples * width].reshape(samples, width)
            for sample in range(samples):
                for row in range(start[sample], start[sample + 1]):
                    for entry in range(out):
                        summed[sample, entry] += error[row, entry]
            np.dot(summed.T, mean, by_context)
        at -= out
        by_bias = gradient[at : at + out]
        by_bias[:] = 0
        for row in range(count):
            for entry in range(out):
                by_bias[entry] += error[row, entry]
        at -= width * out
        weight = values[at : at + width * out].reshape(out, width)
        np.dot(error.T, before, gradient[at : at + width * out].reshape(out, width))
        if layer:
            error = np.dot(error, weight)
            if shared:
                by_mean = np.dot(summed, context)
                for sample in range(samples):
                    for row in range(start[sample], start[sample + 1]):
                        for entry in range(width):
                            error[row, entry] += rows.share[row] * by_mean[sample, entry]
            for row in range(count):
                for entry in range(width):
                    passed = error[row, entry]
                    error[row, entry] = passed if before[row, entry] > 0 else np.float32(0)


@loop
def last_outputs(outputs: Any, widths: Any, rows: Any) -> Any:
    """Return of all outputs, flat, those of the last layer, flat."""
    return outputs[len(outputs) - len(rows.inputs) * widths[-1] :]


@loop
def all_values(values: Any, widths: Any, rows: Any) -> Any:
    """Return the last layer's outputs, flat; see `forward`."""
    return last_outputs(forward(values, widths, rows)[0], widths, rows)


@loop
def best_values(target: Any, online: Any, double: Any, widths: Any, rows: Any) -> Any:
    """Return what the target network makes of each sample's best server, (B,); 0 where none is.

    Args:
        target: its parameters.
        online: those of the network that learns.
        double: whether that one says which is best.
        widths: as for `forward`.
        rows: likewise.
    """
    values = last_outputs(forward(target, widths, rows)[0], widths, rows)
    choice = values
    if double:
        choice = last_outputs(forward(online, widths, rows)[0], widths, rows)
    result = np.zeros(len(rows.place), np.float32)
    before = rows.start[0] * widths[-1]
    for sample in range(len(rows.place)):
        best = -1
        for server in range(rows.place.shape[1]):
            at = rows.place[sample, server]
            if at >= 0 and (best < 0 or choice[at - before] > choice[best]):
                best = at - before
        if best >= 0:
            result[sample] = values[best]
    return result


@loop
def chosen_values(values: Any, widths: Any, rows: Any, actions: Any) -> Any:
    """Return the values of the chosen servers, (B,), and what `forward` returns."""
    outputs, means = forward(values, widths, rows)
    last, before = last_outputs(outputs, widths, rows), rows.start[0] * widths[-1]
    result = np.empty(len(actions), np.float32)
    for sample in range(len(actions)):
        result[sample] = last[rows.place[sample, actions[sample]] - before]
    return result, outputs, means


@loop
def descend(
    values: Any,
    gradient: Any,
    widths: Any,
    rows: Any,
    outputs: Any,
    means: Any,
    actions: Any,
    slope: Any,
) -> None:
    """Write the gradient of a loss of the values of the chosen servers.

    Args:
        values: as for `backward`, and so on.
        gradient: likewise.
        widths: likewise.
        rows: likewise.
        outputs: likewise.
        means: likewise.
        actions: the chosen servers, (B,).
        slope: derivative of the loss by their values, (B,).
    """
    error = np.zeros((len(rows.inputs), widths[-1]), np.float32)
    flat, before = error.ravel(), rows.start[0] * widths[-1]
    for sample in range(len(actions)):
        flat[rows.place[sample, actions[sample]] - before] = slope[sample]
    backward(values, gradient, widths, rows, outputs, means, error)
