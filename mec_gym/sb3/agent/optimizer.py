"""PyTorch's Adam without what surrounds it."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer


class Adam(torch.optim.Adam):
    """`torch.optim.Adam`, `fused`, of one parameter: its own arithmetic, bit for bit.

    At Table I's sizes the hooks, checks and groupings around that take several times as long as it
    does, and they import PyTorch's compiler, which takes over a second.
    """

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step along the gradient, `grad` of the parameter."""
        (group,) = self.param_groups
        if closure is not None or not group["fused"] or group["amsgrad"]:
            return super().step(closure)
        (parameter,) = group["params"]
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter.data)
            state["exp_avg_sq"] = torch.zeros_like(parameter.data)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        torch._fused_adam_(
            [parameter.data],
            [parameter.grad],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
        )
        return None

    step.hooked = True  # type: ignore[attr-defined]  # else a profiler's hook is put around it
