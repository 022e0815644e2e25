"""Settings of a training run; each default is the paper's, with its source."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mec_gym.io import extras

with extras.needed("training"):
    from tyro.conf import arg
    from tyro.constructors import PrimitiveConstructorSpec

from mec_gym import observations, rewards
from mec_gym.families import scenarios_of
from mec_gym.io import names
from mec_gym.io.names import lookup
from mec_gym.io.settings import Positive, Settings
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies import POLICIES
from mec_gym.rewards import REWARDS
from mec_gym.sb3.agent import losses
from mec_gym.sb3.agent.losses import LOSSES
from mec_gym.sb3.run.presets import TRAIN_PRESETS
from mec_gym.scenario import Scenario

Count = Annotated[int, Field(ge=1)]


def called(scenario: Scenario) -> str:
    """Return what a scenario is called where there is no room for its fields."""
    size = f"{scenario.num_devices} devices x {scenario.num_servers} servers"
    return size if scenario.label == "custom" else scenario.label


NamedScenario = Annotated[
    Scenario,
    BeforeValidator(Scenario.of),
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="PRESET|FILE.toml",
        instance_from_str=lambda words: Scenario.load(words[0]),
        is_instance=lambda value: isinstance(value, Scenario),
        str_from_instance=lambda scenario: [called(scenario)],
    ),
]
"""A scenario as `Scenario.of` takes it; on a command line a name or a TOML file's path."""


_NONE_IF_EMPTY = arg(help_behavior_hint=lambda default: f"(default: {default or 'none'})")


def _named(table: Mapping[str, Any], field: str) -> BeforeValidator:
    """Return what puts the name of a function or class in its place, as files hold names."""
    return BeforeValidator(
        lambda value: names.name_of(value, table, field) if callable(value) else value
    )


ObservationName = Annotated[str, _named(OBSERVATIONS, "observation")]
RewardName = Annotated[str, _named(REWARDS, "reward")]
LossName = Annotated[str, _named(LOSSES, "loss")]


class TrainConfig(Settings):
    """Settings of a training run; the defaults are Table I and Algorithm 1 to the letter.

    Raises:
        ValueError: one line that names each wrong field, its value and the remedy.
    """

    name: str = Field("dqn-rao", min_length=1, description="What tables call the trained policy.")
    scenario: NamedScenario = Field(
        Scenario(),
        description="Network and tasks to train on: a preset, a TOML file, or your own as"
        ' "module:name"; the paper\'s are those of Sec. IV-A.',
    )
    scenarios: Annotated[tuple[NamedScenario, ...], _NONE_IF_EMPTY] = Field(
        (),
        description="Train on all of these, with as many copies each, and not on `scenario`, whose"
        " slots then only count the episodes and are held out; needs network servers and mask.",
    )
    family: Count | None = Field(
        None,
        description="Train on so many scenarios that `seed` draws from"
        " mec_gym.families.ScenarioFamily in place of `scenarios`; needs the same.",
    )
    family_of: Literal["small", "wide", "both"] = Field(
        "small",
        description="Which of mec_gym.families.FAMILIES they are drawn from: wide has up to 25"
        " servers, unequal places and crowds, both has half of each.",
    )
    observation: ObservationName = Field(
        "paper",
        description='What the agent sees, your own class as "module:name"; the paper has Eq. (11).',
    )
    reward: RewardName = Field(
        "paper",
        description='Reward of a decision, your own function as "module:name"; the paper has'
        " Eq. (13).",
    )
    overload_penalty: float = Field(
        10.0,
        ge=0,
        allow_inf_nan=False,
        description="Penalty for a full server, lambda of Eq. (13), seconds; the paper says large.",
    )
    network: Literal["mlp", "servers"] = Field(
        "mlp",
        description="Network: mlp is Table I's, for one size; servers scores each server, of an"
        " observation with a row for each, and its trained policy never chooses a full one.",
    )
    mask: bool = Field(
        False,
        description="In training, never choose and never value a full server; needs network"
        " servers.",
    )
    double: bool = Field(
        False,
        description="Use double Q-learning: the network in training chooses the action of the next"
        " state, the target network values it.",
    )
    episodes: Count = Field(
        4000,
        description="Training episodes, a slot each unless slots follow one another; Table I has"
        " 4000.",
    )
    hidden: tuple[Count, ...] = Field(
        (128, 64), min_length=1, description="Neurons of each hidden layer; Table I has 128 and 64."
    )
    replay_size: Annotated[int, Field(ge=1, le=10**8)] = Field(
        100_000, description="Transitions kept in the replay buffer; Table I has 100000."
    )
    batch_size: Count = Field(64, description="Transitions in a minibatch; Table I has 64.")
    learning_rate: Positive = Field(1e-3, description="Learning rate of Adam; Table I has 0.001.")
    learning_rate_end: Positive | None = Field(
        None, description="What the learning rate falls to, linearly in steps; none: it stays."
    )
    gamma: float = Field(0.95, gt=0, le=1, description="Discount factor; Table I has 0.95.")
    epsilon_start: float = Field(
        1.0, ge=0, le=1, description="Chance of a random action at first; Table I has 1."
    )
    epsilon_end: float = Field(
        0.05, ge=0, le=1, description="Chance of a random action at the end; Table I has 0.05."
    )
    epsilon_episodes: Count = Field(
        2000, description="Episodes over which epsilon falls, linearly in steps; Table I has 2000."
    )
    target_update_steps: Count = Field(
        100,
        description="Steps between copies of the network to the target network; Table I has 100.",
    )
    update_every_steps: Count = Field(
        1, description="Steps between updates; Algorithm 1, line 10, makes one after each step."
    )
    updates_at_once: Count = Field(
        1,
        description="Updates made one after the other when so many are due; more is faster, and the"
        " last ones may take a run a few steps past `episodes`.",
    )
    num_envs: Count = Field(1, description="Copies of the environment that play side by side.")
    loss: LossName = Field(
        "squared",
        description='Loss of an update, your own function as "module:name"; Algorithm 1, line 11,'
        " has squared.",
    )
    huber_delta: Positive = Field(
        1.0,
        description="Error in seconds beyond which loss huber is linear (squared has none); near"
        " the size of the rewards, the states that exploring leads to weigh no more than others.",
    )
    max_grad_norm: Positive | None = Field(
        None,
        description="Norm that gradients are clipped to; none: no clipping, as in the paper.",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="Seed of slots, exploration, weights and minibatches."
    )
    heldout_slots: Annotated[int, Field(ge=2)] = Field(
        500,
        description="Held-out slots for the curves and the closing table; where slots follow one"
        " another whole episodes of about so many, 10 at most, 4 of large networks.",
    )
    heldout_seed: int = Field(
        1_000_000,
        ge=0,
        description="Seed of the held-out slots; of the seeds of training it must be none.",
    )
    heldout_episodes: Count = Field(100, description="Episodes between held-out evaluations.")
    log_episodes: Count = Field(20, description="Episodes between two points of a training curve.")
    threads: Count = Field(
        1, description="Threads to train with; more than one slows networks of this size."
    )
    device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="Where updates run; a GPU, cuda, is for large minibatches and updates at once,"
        " and the run begins with what an update takes on both.",
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        rewards.find(self.reward, self.scenario)
        losses.find(self.loss, self.huber_delta)
        observer = observations.make(self.observation, self.scenario)
        if self.steps_at_once % self.num_envs:
            raise ValueError(
                f"num_envs: {self.num_envs} copies do not divide the {self.steps_at_once} steps"
                " between updates (update_every_steps x updates_at_once); raise one of those"
            )
        if self.network == "servers" and len(observer.space.shape) != 2:
            raise ValueError(
                f"network: {self.network!r} does not read observation {self.observation!r}, which"
                " has no row for each server; set observation servers"
            )
        if self.learning_rate_end is not None and self.learning_rate_end > self.learning_rate:
            raise ValueError(
                f"learning_rate_end: {self.learning_rate_end:g} is above learning_rate"
                f" {self.learning_rate:g}; lower it"
            )
        if self.replay_size < self.num_envs:
            raise ValueError(
                f"replay_size: {self.replay_size} holds no transition of each of the"
                f" {self.num_envs} copies of num_envs; raise it"
            )
        several = "family" if self.family else "scenarios"
        if self.family and self.scenarios:
            raise ValueError("family, scenarios: give one of the two")
        if self.family_of != "small" and not self.family:
            raise ValueError(
                f"family_of: {self.family_of}, but there is no family; give `family`, how many"
                " scenarios are drawn"
            )
        if (self.family or self.scenarios) and not (self.network == "servers" and self.mask):
            raise ValueError(f"{several}: only network 'servers' with mask true fits several sizes")
        if self.mask and self.network != "servers":
            raise ValueError(
                "mask: only the policy of network 'servers' leaves out full servers when used;"
                " set mask false"
            )
        count = self.family or max(len(self.scenarios), 1)
        if self.num_envs % count:
            raise ValueError(
                f"num_envs: {self.num_envs} copies cannot be shared out evenly to {count} scenarios"
            )
        if len({scenario.lookahead for scenario in (self.scenario, *self.scenarios)}) > 1:
            raise ValueError("scenarios: they must all have the lookahead of `scenario`")
        if self.name in (*POLICIES, "optimum"):
            raise ValueError(f"name: {self.name!r} is another curve's; give one of its own")
        if self.heldout_seed == self.seed:
            raise ValueError(
                f"heldout_seed: {self.heldout_seed} is the seed of training; give another, so that"
                " held-out slots are never trained on"
            )
        steps = self.episodes * self.scenario.num_decisions
        if steps < self.batch_size:
            raise ValueError(
                f"episodes: {self.episodes} x {self.scenario.num_decisions} tasks are fewer steps"
                f" than a minibatch of {self.batch_size}, so nothing would be learned; raise"
                " episodes or lower batch_size"
            )
        if self.batch_size > self.replay_size:
            raise ValueError(
                f"batch_size: {self.batch_size} is above replay_size {self.replay_size}; lower it"
            )
        return self

    @property
    def steps_at_once(self) -> int:
        """The steps between two rounds of updates."""
        return self.update_every_steps * self.updates_at_once

    @property
    def trained_on(self) -> tuple[Scenario, ...]:
        """The scenarios whose slots it is trained on, with as many copies each."""
        if self.family:
            ahead = self.scenario.lookahead
            return scenarios_of(self.family_of, self.family, self.seed, ahead)
        return self.scenarios or (self.scenario,)

    @classmethod
    def preset(cls, name: str, /, **changes: Any) -> Self:
        """Return the preset called `name`, with some fields changed.

        Raises:
            ValueError: no such preset, or a bad value.
        """
        return cls(**lookup(TRAIN_PRESETS, name, "preset") | changes)
