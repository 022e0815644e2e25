"""Short training runs, stopped as by Ctrl-C."""

import signal

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from mec_gym.sb3.run import training
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

SHORT = {"episodes": 60, "epsilon_episodes": 30, "heldout_slots": 8, "heldout_episodes": 20}
CONFIGS = {
    "paper": TrainConfig(**SHORT, replay_size=200),  # a buffer that comes round
    "paper, many copies": TrainConfig(**SHORT, num_envs=4, updates_at_once=8),
    "regret": TrainConfig.preset("regret", **SHORT),
    "mix": TrainConfig.preset(
        "regret", **SHORT, scenario="slack", scenarios=("slack", "large"), replay_size=400
    ),
    "over time": TrainConfig.preset(
        "regret",
        **SHORT,
        scenario={"slots": 3, "slot_s": 0.4, "arrivals": {"probability": 0.6}, "handover_s": 0.1},
    ),
}
WEIGHTS = "policy.safetensors"


def ask_to_stop_at(monkeypatch, *steps):
    """Have each training in turn interrupted, as by Ctrl-C, at its n-th step; then no more."""
    waiting, curves = list(steps), training.EpisodeCurves

    class CtrlC(curves):
        def __init__(self, bar):
            super().__init__(bar)
            self.left = waiting.pop(0) if waiting else None

        def _on_step(self):
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    signal.raise_signal(signal.SIGINT)
            return super()._on_step()

    monkeypatch.setattr(training, "EpisodeCurves", CtrlC)


def stopped(config, directory, monkeypatch, *steps, **how):
    """A run that was interrupted as often as there are steps, and is not finished."""
    with monkeypatch.context() as patch:
        ask_to_stop_at(patch, *steps)
        for number in range(len(steps)):
            assert train(config, directory, False, resume=number > 0, **how).interrupted
    return directory


def curves(directory):
    """Every curve of a run and its sub-runs, (step, value) by tag, but for the speed."""
    found = {}
    for place in (directory, *sorted({file.parent for file in directory.glob("*/events.*")})):
        guidance = dict.fromkeys(("scalars", "tensors", "images"), 0)
        events = EventAccumulator(str(place), size_guidance=guidance)
        events.Reload()
        within = "" if place == directory else f"{place.name}: "
        for kind in guidance:
            read = getattr(events, kind.capitalize())
            for tag in events.Tags()[kind]:
                if tag != "time/fps":
                    found[within + tag] = [(event.step, _value(event)) for event in read(tag)]
    return found


def _value(event):
    if hasattr(event, "tensor_proto"):
        return make_ndarray(event.tensor_proto).tolist()
    return event.value if hasattr(event, "value") else event.encoded_image_string
