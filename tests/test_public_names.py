"""The names that users hold on to: none goes, and none comes unnoticed."""

import inspect
import subprocess
import sys

import pytest

import mec_gym
from mec_gym import policies, system

PUBLIC = [
    "Episodes",
    "Instance",
    "PlausibilityWarning",
    "Scenario",
    "TrainedPolicy",
    "allocate_cpu",
    "average_delay",
    "bounds",
    "computation_delay",
    "is_feasible",
    "load_policy",
    "policies",
    "system",
    "task_delays",
    "transmission_delay",
    "uplink_rate",
]


def test_the_public_names_are_these():
    assert sorted(mec_gym.__all__) == sorted(PUBLIC)
    assert mec_gym.__all__ == sorted(mec_gym.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name):
    assert inspect.getdoc(getattr(mec_gym, name))


def test_no_other_name_is_there():
    for name in ("no_such_name", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"'mec_gym' has no attribute '{name}'"):
            getattr(mec_gym, name)
    assert set(PUBLIC) <= set(dir(mec_gym))


def test_names_are_loaded_when_they_are_asked_for():
    code = (
        "import sys, mec_gym\n"
        "print([name for name in sys.modules if name.startswith(('mec_gym.', 'pydantic'))])\n"
        "print(mec_gym.system.allocate_cpu is mec_gym.allocate_cpu, mec_gym.channels.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True mec_gym.channels"]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_callable_is_typed(name):
    thing = getattr(mec_gym, name)
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        empty = inspect.Signature.empty
        assert signature.return_annotation is not empty
        assert all(one.annotation is not empty for one in signature.parameters.values())


def test_the_functions_of_the_system_are_those_of_the_module():
    names = {"allocate_cpu", "average_delay", "computation_delay", "is_feasible", "task_delays"}
    for name in names | {"transmission_delay", "uplink_rate"}:
        assert getattr(mec_gym, name) is getattr(system, name)


def test_the_fields_of_a_scenario_are_these():
    assert set(mec_gym.Scenario.model_fields) == {
        "num_devices",
        "num_servers",
        "capacity",
        "task_bits",
        "task_cycles",
        "cycles_per_bit",
        "tasks",
        "server_hz",
        "servers",
        "server_seed",
        "channel",
        "bandwidth_hz",
        "bandwidth_sharing",
        "tx_power_w",
        "noise_psd",
        "noise_w",
        "lookahead",
        "delay_weight",
        "energy_weight",
        "local_hz",
        "switched_capacitance",
        "cloud_delay_s",
        "cloud_hz",
        "drop_penalty_s",
        "deadline_s",
        "coverage_m",
        "services",
        "fetch_delay_s",
        "slots",
        "slot_s",
        "left_over",
        "arrivals",
        "background",
        "mobility",
        "handover_s",
        "state_bits",
        "backhaul_bps",
    }


def test_the_fields_of_an_instance_are_these():
    assert list(inspect.signature(mec_gym.Instance).parameters) == [
        "gain",
        "task_bits",
        "task_cycles",
        "server_hz",
        "capacity",
        "bandwidth_hz",
        "tx_power_w",
        "noise_w",
        "step_gain",
        "delay_weight",
        "energy_weight",
        "local_hz",
        "switched_capacitance",
        "cloud_delay_s",
        "cloud_hz",
        "drop_penalty_s",
        "deadline_s",
        "covered",
        "fetch_delay_s",
        "backlog_cycles",
        "handover_s",
        "last_server",
        "slots_left",
        "slot_s",
        "device_places_m",
        "server_places_m",
    ]


def test_the_baselines_are_there_by_name():
    for name in ("roa", "goa", "goa-capacity", "least-delay"):
        assert inspect.getdoc(policies.get(name))
        assert list(inspect.signature(policies.get(name)).parameters)[:2] == ["instance", "seed"]


def test_every_field_of_a_scenario_that_is_a_choice_of_reading_is_described():
    fields = mec_gym.Scenario.model_fields
    described = {name for name, field in fields.items() if field.description}
    assert {"noise_psd", "noise_w", "bandwidth_sharing", "servers", "server_seed"} <= described
    assert {"cycles_per_bit", "capacity", "tx_power_w", "task_bits"} <= described


def test_the_version_is_a_string():
    assert isinstance(mec_gym.__version__, str)


def test_the_package_ships_its_types():
    from pathlib import Path

    assert (Path(mec_gym.__file__).parent / "py.typed").exists()
