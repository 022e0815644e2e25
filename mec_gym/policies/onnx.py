"""Trained policies as ONNX models, for runtimes that know nothing of this project."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mec_gym
from mec_gym.io.digests import sha256
from mec_gym.io.files import check_writable, replace_file
from mec_gym.policies import network
from mec_gym.policies.trained import TrainedPolicy, weights_file

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
"""Of the operators; runtimes since 2022 have it."""


def export(policy: TrainedPolicy, path: str | Path) -> None:
    """Write a policy as an ONNX model.

    Its input `observation` is float32, (batch, ...) as the environment shows it; where servers are
    scored, with any number N of them. Its outputs are `q_values` (batch, N), float32, and `server`
    (batch,), int64, the choice: the greatest Q-value, where servers are scored of a free one only.
    It knows one decision, so no places are held as the policy holds them for whole slots, see
    `mec_gym.policies.held_places`.
    The model's properties name the observation, the scenario (JSON), the version of mec_gym and the
    SHA-256 of `policy.safetensors`.

    Args:
        policy: to export.
        path: of the file; one that stands there is replaced.

    Raises:
        ValueError: onnx is not installed, or the file cannot be written there.
    """
    path = Path(path)
    check_writable(path, "file")
    replace_file(path, model_of(policy).SerializeToString())


def model_of(policy: TrainedPolicy) -> "ModelProto":
    """Return the ONNX model of a policy, checked; see `export`.

    Raises:
        ValueError: onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise ValueError('onnx: not installed; pip install "mec-gym[onnx]" brings it') from None

    shape = policy.observer.space.shape
    scores_servers = network.scores_servers(policy.weights)
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    over_servers, last = constant("over_servers", [-2]), constant("last", [-1])
    free = share = ""
    if scores_servers:  # `Observation.free`, `network.free_share`
        free_at = constant("free_at", [policy.observer.free_at])
        column = node("Gather", "observation", free_at, axis=-1)
        free = node("Greater", column, constant("zero", np.float32(0)))
        number = node("Cast", free, to=TensorProto.FLOAT)
        count = node("ReduceSum", number, over_servers, keepdims=1)
        share = node("Div", number, node("Max", count, constant("one", np.float32(1))))
        rows = "observation"
    else:
        rows = node("Flatten", "observation", axis=1)
    for position, (weight, bias, *context) in enumerate(policy.weights):  # `network.forward`
        product = node("MatMul", rows, constant(f"{position}.weight", weight.T))
        layer = node("Add", product, constant(f"{position}.bias", bias))
        if share:
            mean = node("ReduceSum", node("Mul", share, rows), over_servers, keepdims=1)
            shared = node("MatMul", mean, constant(f"{position}.context", context[0].T))
            layer = node("Add", layer, shared)
        rows = layer if position == len(policy.weights) - 1 else node("Relu", layer)
    if scores_servers:
        q_values = node("Squeeze", rows, last, output="q_values")
        never = constant("never", np.float32(-np.inf))
        q_values = node("Where", node("Squeeze", free, last), q_values, never)
    else:
        q_values = node("Identity", rows, output="q_values")
    node("ArgMax", q_values, output="server", axis=-1, keepdims=0)

    servers: Any = "servers" if scores_servers else policy.scenario.num_actions
    seen = ["batch", *((servers, shape[-1]) if scores_servers else shape)]
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, seen)],
        [
            helper.make_tensor_value_info("q_values", TensorProto.FLOAT, ["batch", servers]),
            helper.make_tensor_value_info("server", TensorProto.INT64, ["batch"]),
        ],
        constants,
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        graph,
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name="mec_gym",
        producer_version=mec_gym.__version__,
    )
    helper.set_model_props(
        model,
        {
            "mec_gym": mec_gym.__version__,
            "observation": policy.observation,
            "scenario": policy.scenario.model_dump_json(exclude_none=True),
            "weights_sha256": sha256(weights_file(policy.weights)),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model
