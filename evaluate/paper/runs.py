"""Trained runs that a study is made of, each trained once."""

import hashlib
import json
from dataclasses import dataclass

import mec_gym
from mec_gym.jobs import Piece
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.pieces import training


@dataclass(frozen=True)
class StudyRun:
    """One run of a study: what people call it, and the settings that make it what it is."""

    label: str
    config: TrainConfig

    @property
    def name(self) -> str:
        """The name of its run directory: label, seed and a digest of all that decides the run."""
        settings = [mec_gym.__version__, self.config.model_dump(mode="json")]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        # The same settings lead to other slots where the code that draws them has changed.
        for array in self.config.scenario.sample(1, self.config.seed).arrays().values():
            digest.update(array.tobytes())
        return f"{self.label}-seed{self.config.seed}-{digest.hexdigest()[:8]}"

    @property
    def piece(self) -> Piece:
        """The piece of work that trains it."""
        return training(self.name, self.config)
