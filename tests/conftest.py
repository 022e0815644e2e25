"""Settings every test shares; being here also lets tests import the helpers beside it."""

# ruff: noqa: E402  # the number of threads is read when NumPy is imported
import os
import signal

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # tests already run side by side

# A shell's background job ignores Ctrl-C, which tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "repository",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    # A busy machine must not fail a test.
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repository")


@pytest.fixture
def one_torch_thread():
    """Keep torch to one thread, then give it back what it had."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster on this machine, to lose nodes of."""
    from ray_cluster import a_cluster

    yield from a_cluster()


class Payload:
    """Makes the directory `path` where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def payload(tmp_path_factory):
    """What no reader may unpickle: an object that would then make a directory, `payload.path`."""
    return Payload(tmp_path_factory.mktemp("payload") / "made")
