"""Slots partly assigned and partly seen, for the tests of observations."""

from hypothesis import strategies as st
from slots import changed
from strategies import assigned_slots

from mec_gym import Instance, Scenario
from mec_gym.mdp import State

SMALL = Scenario(
    num_devices=2,
    num_servers=2,
    capacity=(2, 4),
    servers="listed",
    server_hz=(5e9, 6e9),
)


@st.composite
def partly_seen_slots(draw, **fixed):
    """As `assigned_slots`, with any lookahead."""
    scenario, slot, assignment = draw(assigned_slots(**fixed))
    lookahead = draw(st.none() | st.integers(0, 7))
    return scenario.replace(lookahead=lookahead), slot, assignment


def after(slot, assignment):
    """The state once the first devices have their servers."""
    state = State(slot)
    for server in assignment:
        state.assign(server)
    return state


def with_devices_of(slot, other, devices):
    """The slot, whose devices have the tasks and gains of another slot."""
    fields = {name: getattr(slot, name).copy() for name in ("gain", "task_bits", "task_cycles")}
    for name, values in fields.items():
        values[devices] = getattr(other, name)[devices]
    return changed(slot, **fields)


def small_slot():
    return Instance(
        gain=[[0.5, 2.0], [1.25, 0.8]],
        task_bits=[2e5, 4.25e5],
        task_cycles=[2e9, 8e8],
        server_hz=[5e9, 6e9],
        capacity=[2, 4],
        bandwidth_hz=1e6,
        tx_power_w=0.1,
        noise_w=1e-3,
    )


CHOICES = [0, 1, 2, 1, 1, 0, 2, 1, 0]


CORRELATED = {"channel": {"kind": "path-loss", "correlation": 0.6}, "noise_psd": 4e-21}


FADING = [Scenario.preset("fast-fading"), Scenario(**CORRELATED)]
