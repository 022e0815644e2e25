"""What a run says of itself in TensorBoard: a guide to its curves, and its settings."""

from urllib.parse import urlencode

from mec_gym import policies
from mec_gym.sb3.run.config import TrainConfig, called

SUB_RUNS = (*policies.BASELINES, "optimum")
"""Whose curves stand beside the network's: under the same tags, each in a directory of its name."""

_CENTRAL = {
    "smoothing": 0,
    "tagFilter": "heldout/(average_(delay|cost)_s|gap)",
    "runColorGroup": f"regex:^([^/]+)$|/({'|'.join(SUB_RUNS)})$",
}
AT_A_GLANCE = f"?{urlencode(_CENTRAL)}#timeseries"
"""What follows TensorBoard's address to show the central picture; a policy has one colour there."""

GUIDE = f"""
Devices are assigned to servers one by one; an episode is one slot. Lower delay is better.

**[The central picture]({AT_A_GLANCE})**, in **Time Series**, is the network beside the baselines
and the optimum on the same held-out slots. The list of runs names the colours: a run is the
network, and what follows its name is `roa`, `goa`, `least-delay` or `optimum`.

| curve | what |
|---|---|
| `heldout/average_delay_s` | average delay on the held-out slots, Eq. (5), seconds |
| `heldout/gap` | how far that is above the optimum, relative, mean over held-out slots |
| `heldout/feasible_share`, `heldout/overloads` | slots within capacity; tasks above it, a slot |
| `heldout_delay/p50_s`, `p95_s`, `p99_s` | percentiles of the delays of tasks there, seconds |
| `heldout/average_cost_s`, `heldout/energy_j` | cost and energy of a task, where they count |
| `heldout/missed`, `dropped`, `barred` | tasks too late, dropped, not allowed, if there are |
| `optimum` | the least delay, or cost, there is; a lower bound on it where that takes too long |
| `episode/average_delay_s` | average delay of the slots trained on, seconds; explores |
| `episode/reward` | sum of rewards a slot, seconds; with the overload penalty |
| `episode/feasible_share`, `episode/overloads` | as above, of the slots trained on |
| `heldout_load/server_n` | held-out slots by the tasks on server n, of the first 16 (histograms) |
| `heldout/first_slot` | the network's assignment of the first held-out slot (images) |
| `rollout/exploration_rate` | epsilon, the share of random decisions |
| `train/loss`, `train/q_value` | loss of Algorithm 1, line 11; mean Q-value of the minibatch |

Steps on the horizontal axis are decisions, M of them a slot. **HParams** has all runs in one table,
by the last held-out delay and gap; Parallel Coordinates shows which settings go with which.
"""
"""Text that a run shows in TensorBoard: what each curve is."""

_OVER_TIME = {
    "an episode is one slot.": "an episode is several slots that follow one another.",
    "on the same held-out slots.": "on the same held-out episodes, played whole.",
    "held-out slots, Eq. (5)": "held-out episodes, Eq. (5)",
    "above the optimum, relative, mean over held-out slots": "above the best known, relative, mean"
    " over held-out episodes",
    "slots within capacity;": "episodes within capacity;",
    "| `optimum` | the least delay, or cost, there is; a lower bound on it where that takes too"
    " long |": "| `heldout/backlog_s` | work left over as slots end, W / F, mean over servers and"
    " slots, seconds |\n| `heldout/handovers` | share of tasks that change their server |\n|"
    " `optimum` | the least delay, or cost, known: of a search over whole episodes |",
    "average delay of the slots trained on": "average delay of the episodes trained on",
    "sum of rewards a slot": "sum of rewards an episode",
    "| `heldout/first_slot` | the network's assignment of the first held-out slot (images) |": "|"
    " `heldout/first_episode` | the end of the first held-out episode, its slots below (images) |",
    "decisions, M of them a slot.": "decisions.",
}
"""What the text says otherwise where slots follow one another."""


def guide(over_time: bool) -> str:
    """Return the text that a run shows, of slots by themselves or such as follow one another."""
    text = GUIDE
    for of_slots, of_episodes in _OVER_TIME.items() if over_time else ():
        assert of_slots in text  # else the two have drifted
        text = text.replace(of_slots, of_episodes)
    return text


_NOT_COMPARED = {
    "device",
    "heldout_episodes",
    "heldout_seed",
    "heldout_slots",
    "log_episodes",
    "threads",
}
"""Fields that change no network."""


def hyperparameters(config: TrainConfig) -> dict[str, float | str]:
    """Return what TensorBoard's table of runs shows of a configuration.

    The table takes the columns and their types from any one of the runs, so all have the same.
    """
    fields = config.model_dump(exclude=_NOT_COMPARED) | {
        "scenario": called(config.scenario),
        "scenarios": ", ".join(map(called, config.scenarios)) or "none",
        "family": config.family or 0,
        "hidden": " ".join(map(str, config.hidden)),
        "learning_rate_end": config.learning_rate_end or config.learning_rate,
        "max_grad_norm": str(config.max_grad_norm or "none"),
    }
    yes_or_no = {name: "yes" if fields[name] else "no" for name in ("mask", "double")}
    return fields | yes_or_no
