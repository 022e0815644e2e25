"""Random channels, scenarios and slots for hypothesis."""

from hypothesis import strategies as st

from mec_gym import Scenario
from mec_gym.channels import (
    PathLossChannel,
    PlacedChannel,
    UniformChannel,
    UrbanMacroChannel,
    UrbanMicroChannel,
)


def amounts(low, high):
    """Positive floats over several decades, without the ends' subnormals."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


@st.composite
def ranges(draw, low, high):
    """A constant, or a range [low, high]."""
    ends = sorted(draw(st.lists(amounts(low, high), min_size=2, max_size=2, unique=True)))
    return draw(st.sampled_from([ends[0], tuple(ends)]))


def correlations():
    """Constant within the slot, as in the paper, or changing, the ends included."""
    return st.just(1.0) | st.sampled_from([0.0, 0.5]) | st.floats(0, 1)


@st.composite
def placed(draw, num_servers):
    """Fields that all channels with places have."""
    fading = draw(st.sampled_from(["rayleigh", "none"]))
    places = st.tuples(amounts(-1e3, 1e3), amounts(-1e3, 1e3))
    some = st.lists(places, min_size=1, max_size=4).map(tuple)
    each = st.lists(places, min_size=num_servers, max_size=num_servers).map(tuple)
    hexagonal = st.just({"layout": "hexagonal"})
    servers = hexagonal | st.fixed_dictionaries({"server_positions_m": st.none() | each})
    spots = st.fixed_dictionaries(
        {
            "clusters": st.integers(1, 4),
            "cluster_radius_m": amounts(0.1, 1e3),
            "cluster_seed": st.integers(0, 9),
        }
    )
    devices = spots | st.fixed_dictionaries({"device_positions_m": st.none() | some})
    return {
        "side_m": draw(amounts(1, 5e3)),
        **draw(servers),
        **draw(devices),
        "noise_figure_db": draw(st.just(0.0) | amounts(0.1, 12)),
        "fading": fading,
        "correlation": draw(correlations()) if fading == "rayleigh" else 1.0,
    }


@st.composite
def path_loss_channels(draw, num_servers):
    return PathLossChannel(
        loss_at_1m_db=draw(amounts(-20, 60)),
        exponent=draw(amounts(1.5, 5)),
        min_distance_m=draw(amounts(0.5, 50)),
        shadowing_db=draw(st.just(0.0) | amounts(0.1, 12)),
        **draw(placed(num_servers)),
    )


@st.composite
def urban_channels(draw, num_servers):
    """Of either kind, outdoors, indoors or mixed."""
    return draw(st.sampled_from([UrbanMacroChannel, UrbanMicroChannel]))(
        carrier_ghz=draw(amounts(0.5, 100)),
        site_height_m=draw(amounts(2, 50)),
        device_height_m=draw(st.just(1.5) | amounts(1.5, 13)),
        indoor_share=draw(st.sampled_from([0.0, 1.0]) | amounts(0, 1)),
        site_gain_db=draw(st.just(0.0) | amounts(-5, 20)),
        device_gain_db=draw(st.just(0.0) | amounts(-5, 5)),
        shadowing=draw(st.sampled_from(["correlated", "none"])),
        **draw(placed(num_servers)),
    )


def channels(num_servers):
    """Any kind of channel."""
    uniform = st.builds(UniformChannel, gain=ranges(1e-3, 10), correlation=correlations())
    return uniform | path_loss_channels(num_servers) | urban_channels(num_servers)


@st.composite
def task_tables(draw):
    """A table of tasks, by column."""
    rows = draw(st.lists(st.tuples(amounts(1e4, 1e6), amounts(1e7, 1e10)), min_size=1, max_size=5))
    bits, cycles = zip(*rows, strict=True)
    return {"bits": bits, "cycles": cycles}


@st.composite
def scenarios(draw, max_devices=6, max_servers=4, **fixed):
    """Any small scenario that is valid; `fixed` fields are taken as they are."""
    num_devices = fixed.setdefault("num_devices", draw(st.integers(1, max_devices)))
    num_servers = fixed.setdefault("num_servers", draw(st.integers(1, max_servers)))
    fields = {}
    if draw(st.booleans()):
        enough = -(-num_devices // num_servers)
        fields["capacity"] = draw(st.integers(enough, num_devices + 1))
    else:
        places = draw(st.lists(st.integers(0, 3), min_size=num_servers, max_size=num_servers))
        places[draw(st.integers(0, num_servers - 1))] += num_devices
        fields["capacity"] = tuple(places)
    work = draw(
        st.sampled_from([("task_cycles", 1e7, 1e10), ("cycles_per_bit", 10.0, 1e4), ("tasks",)])
    )
    if work == ("tasks",):
        fields["tasks"] = draw(task_tables())
    else:
        fields["task_bits"] = draw(ranges(1e4, 1e6))
        fields[work[0]] = draw(ranges(*work[1:]))
    hz = amounts(1e8, 1e10)
    fields["servers"] = draw(st.sampled_from(["fixed", "per-slot", "listed"]))
    if fields["servers"] == "listed":
        listed = st.lists(hz, min_size=num_servers, max_size=num_servers)
        fields["server_hz"] = tuple(draw(listed))
    else:
        fields["server_hz"] = draw(ranges(1e8, 1e10))
    fields["server_seed"] = draw(st.integers(0, 2**32))
    fields["channel"] = draw(channels(num_servers))
    fields["bandwidth_hz"] = draw(amounts(1e4, 1e8))
    fields["bandwidth_sharing"] = draw(st.sampled_from(["none", "equal"]))
    watts = amounts(1e-3, 10)
    each = st.lists(watts, min_size=num_devices, max_size=num_devices).map(tuple)
    fields["tx_power_w"] = draw(watts | each)
    noise = draw(st.sampled_from([("noise_psd", 1e-12, 1e-6), ("noise_w", 1e-6, 1e-1)]))
    fields[noise[0]] = draw(amounts(*noise[1:]))
    return Scenario(**(fields | fixed))


@st.composite
def scenarios_with_options(draw, **fixed):
    """Any small scenario, any mix of options; where links may be barred tasks may be dropped."""
    plain = draw(scenarios(**fixed))
    devices, servers = plain.num_devices, plain.num_servers
    fields = {}

    def of_devices(low, high):
        number = amounts(low, high)
        each = st.lists(number, min_size=devices, max_size=devices).map(tuple)
        return ranges(low, high) | each

    optional = {
        "delay_weight": of_devices(0.1, 10),
        "energy_weight": st.just(0.0) | of_devices(0.01, 10),
        "local_hz": of_devices(1e8, 5e9),
        "deadline_s": of_devices(1e-3, 10),
        "services": st.lists(
            st.lists(st.integers(0, 3), max_size=3).map(tuple),
            min_size=servers,
            max_size=servers,
        )
        .map(tuple)
        .filter(any),
    }
    if isinstance(plain.channel, PlacedChannel):
        optional["coverage_m"] = amounts(1, 2e3)
    for name, values in optional.items():
        if draw(st.booleans()):
            fields[name] = draw(values)
    if draw(st.booleans()):
        fields |= {"cloud_delay_s": draw(st.just(0.0) | amounts(1e-3, 2)), "cloud_hz": 2e10}
    if "services" in fields and draw(st.booleans()):
        fields["fetch_delay_s"] = draw(amounts(1e-3, 1))
    if "local_hz" in fields and draw(st.booleans()):
        fields["switched_capacitance"] = draw(amounts(1e-29, 1e-26))
    if draw(st.booleans()) or fields.keys() & {"services", "coverage_m", "deadline_s"}:
        fields["drop_penalty_s"] = draw(amounts(0.1, 100))
    return plain.replace(**fields)


def assignments(num_devices, num_servers):
    """Any assignment of one slot, feasible or not."""
    servers = st.integers(0, num_servers - 1)
    return st.lists(servers, min_size=num_devices, max_size=num_devices)


@st.composite
def assigned_slots(draw, **fixed):
    """A scenario, one of its slots, and an assignment of it, feasible or not."""
    scenario = draw(scenarios(**fixed))
    slot = scenario.sample(1, draw(st.integers(0, 2**32)))[0]
    return scenario, slot, draw(assignments(scenario.num_devices, scenario.num_servers))
