"""A Ray cluster on this machine, to lose nodes of."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PATH = os.pathsep.join(
    filter(None, [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
)
HOST = "127.0.0.2"  # at 127.0.0.1 Ray takes the machine's own address, and waits for it


SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 200,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}
"""A lost node is found to be lost within seconds."""


class Cluster:
    """A head without CPUs, so that no piece is lost with it, and nodes that come and go."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args=self._settings(0, PATH)
            | {"include_dashboard": False, "_system_config": SOON},
        )
        self.address = self._cluster.address

    @staticmethod
    def _settings(cpus, path):
        return {
            "node_ip_address": HOST,
            "num_cpus": cpus,
            "object_store_memory": 80 * 2**20,
            "env_vars": {"PYTHONPATH": path},
        }

    def add(self, path=PATH):
        """Add a node of one CPU whose Python looks for modules in a path."""
        return self._cluster.add_node(**self._settings(1, path))

    def lose(self, node):
        """Lose a node, as by a power cut."""
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self):
        self._cluster.shutdown()


def a_cluster():
    """Give a cluster, and end it; where there is no ray the test is skipped."""
    pytest.importorskip("ray", reason="ray is not installed: there is none for this Python")
    before = os.environ.get("RAY_USAGE_STATS_ENABLED")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster()
    yield made
    made.end()
    if before is None:
        del os.environ["RAY_USAGE_STATS_ENABLED"]
