"""Settings of a training of `foresight`, known without torch."""

from typing import Annotated

from pydantic import Field

from mec_gym.io.settings import Positive, Settings

Count = Annotated[int, Field(ge=1, le=10**6)]


class ForesightConfig(Settings):
    """Settings of a training of `foresight`.

    Raises:
        ValueError: one line that names each wrong field, its value and the remedy.
    """

    rounds: Count = Field(8, description="Rounds of playing and fitting.")
    episodes: Count = Field(100, description="Episodes played in a round.")
    rounds_kept: Count = Field(3, description="Rounds of whose episodes the network learns.")
    hidden: tuple[Count, ...] = Field(
        (48, 48), min_length=1, description="Neurons of each hidden layer."
    )
    steps: Count = Field(1500, description="Steps of Adam in a round.")
    batch_size: Count = Field(512, description="Servers and slots in a minibatch.")
    learning_rate: Positive = Field(2e-3, description="Learning rate of Adam in the first round.")
    learning_rate_later: Positive = Field(7e-4, description="Learning rate in the rounds after it.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of episodes, weights and minibatches.")
    heldout_seed: int = Field(
        1_000_000, ge=0, description="Seed of the held-out episodes; not that of training."
    )
    heldout_episodes: Annotated[int, Field(ge=2, le=10**6)] = Field(
        100, description="Held-out episodes, on which the best round is chosen."
    )
