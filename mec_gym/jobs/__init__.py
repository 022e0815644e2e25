"""Many independent pieces of work, each done once: by processes of this machine or on Ray."""

from mec_gym.jobs.pieces import Piece
from mec_gym.jobs.processes import Processes
from mec_gym.jobs.results import Directories, Results
from mec_gym.jobs.running import estimate, run

__all__ = ["Directories", "Piece", "Processes", "Results", "estimate", "run"]
