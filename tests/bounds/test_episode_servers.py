"""What one server may take over an episode: against plainly trying every set in every slot."""

import itertools

import numpy as np
import pytest

from mec_gym.bounds import episode_loops
from mec_gym.bounds.episode_lines import line_options, options_at_most, take_lines
from mec_gym.bounds.episode_loops import Options, _lowered, serve
from mec_gym.bounds.episode_sets import set_options, sets_of

SLOTS, TASKS = 3, 5
SETS = np.array(list(itertools.product([False, True], repeat=TASKS)))


class Server:
    """A server's costs of tasks, with prices so high that it takes some, in each of a few slots."""

    def __init__(self, rng):
        shape = (SLOTS, TASKS)
        self.weight = rng.uniform(0.5, 2, shape) if rng.random() < 0.5 else np.ones(shape)
        self.work = rng.uniform(1e9, 4e9, shape)
        self.size = np.sqrt(self.weight * self.work)
        self.cost = rng.uniform(-3, 0.5, shape)
        self.cost[rng.random(shape) < 0.1] = np.inf
        self.hz = rng.uniform(4e9, 9e9, SLOTS)
        self.slot_s = rng.choice([0.1, 0.4, 1.0, np.inf])
        self.capacity = rng.integers(1, TASKS + 1, SLOTS)
        allowed = np.isfinite(self.cost).sum(axis=1)
        self.least = np.minimum(rng.integers(0, 2, SLOTS), np.minimum(allowed, self.capacity))

    def of_sets(self, slot):
        """Cost, weight and work of every set that it may take in a slot."""
        some = SETS[(SETS.sum(axis=1) >= self.least[slot])]
        some = some[some.sum(axis=1) <= self.capacity[slot]]
        some = some[~(some & ~np.isfinite(self.cost[slot])).any(axis=1)]
        alone = np.where(np.isfinite(self.cost[slot]), self.cost[slot], 0.0)
        paid = some @ alone + (some @ self.size[slot]) ** 2 / self.hz[slot]
        return some, paid, some @ self.weight[slot], some @ self.work[slot]

    def optimum(self):
        """The least that any sequence of sets costs, waiting included."""
        total, backlog = np.zeros(1), np.zeros(1)
        for slot in range(SLOTS):
            _, paid, weight, work = self.of_sets(slot)
            wait = backlog[:, None] / self.hz[slot]
            total = (total[:, None] + paid + weight * wait).ravel()
            left = backlog[:, None] + work - self.hz[slot] * self.slot_s
            backlog = np.maximum(left, 0.0).ravel()
        return total.min()

    def lines(self):
        later = np.full(SLOTS, 2 * TASKS * SLOTS / self.hz.min())
        found_at = np.zeros((SLOTS, options_at_most(TASKS), 3))
        made = line_options(
            self.cost,
            self.size,
            self.weight,
            self.work,
            self.hz,
            self.least,
            self.capacity,
            later,
            found_at,
        )
        return made, found_at

    def bound(self, options, count):
        most = self.work.sum()
        nodes = np.linspace(0, max(most, 1.01 * (count - 1) * options.width.max()), count)
        path = np.zeros(SLOTS, np.int64)
        return serve(options, self.hz, self.slot_s, nodes, path), path


@pytest.mark.parametrize("kind", ["sets", "lines"])
def test_no_sequence_of_sets_undercuts_it_and_it_is_near(kind):
    off = []
    for seed in range(150):
        server = Server(np.random.default_rng(seed))
        if kind == "lines":
            options, _ = server.lines()
        else:
            present = np.full((SLOTS, TASKS), True)
            sets = sets_of(present, server.size, server.weight, server.work)
            number = np.empty(sets.work.shape, np.int64)
            options = set_options(
                server.cost, sets, server.hz, server.least, server.capacity, number
            )
        best = server.optimum()
        for count in (3, 20, 200):
            bound, _ = server.bound(options, count)
            assert bound <= best + 1e-9 * abs(best)
        off.append(best - bound)
    assert np.mean(off) < (0.01 if kind == "sets" else 0.1)


def test_every_set_costs_no_less_than_the_line_between_the_options_around_it():
    near = []
    for seed in range(100):
        server = Server(np.random.default_rng(seed))
        options, found_at = server.lines()
        for slot in range(SLOTS):
            some, paid, weight, work = server.of_sets(slot)
            many = options.many[slot]
            count, at = found_at[slot, :many, 0], options.work[slot, :many]
            for row, members in enumerate(some.sum(axis=1)):
                of_as_many = np.flatnonzero(count == members)
                assert len(of_as_many)
                # Beyond the last option more work is as cheap.
                line = np.interp(work[row], at[of_as_many], options.paid[slot, of_as_many])
                assert line <= paid[row] + 1e-9
                assert (options.weight[slot, of_as_many] <= weight[row] + 1e-9).all()
                assert at[of_as_many[0]] <= work[row] * (1 + 1e-12)
            steps = np.diff(at)[np.diff(count) == 0]
            assert (steps <= options.width[slot] * (1 + 1e-9)).all()
            near.append(paid.min() - options.paid[slot, :many].min())
    assert np.mean(near) < 0.03


def test_what_is_taken_has_as_many_tasks_as_the_option_and_only_allowed_ones():
    for seed in range(20):
        server = Server(np.random.default_rng(seed))
        options, found_at = server.lines()
        _, path = server.bound(options, 40)
        taken = np.empty((SLOTS, TASKS), np.bool_)
        take_lines(server.cost, server.size, server.work, found_at, path, taken)
        np.testing.assert_array_equal(taken.sum(axis=1), found_at[np.arange(SLOTS), path, 0])
        assert np.isfinite(server.cost[taken]).all()


def test_what_lies_between_two_options_does_not_undercut_it():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        # In two slots any work between two options, at a cost on their line; then tasks that wait.
        width, slot_s, hz = rng.uniform(0.5, 2), rng.uniform(0.2, 2), np.ones(3)
        least, fall = rng.uniform(0, 1, 2), rng.uniform(0, 3, 2)
        weight = np.append(rng.uniform(0, 1, 2), rng.uniform(1, 5))
        work = np.array([[least[0], least[0] + width], [least[1], least[1] + width], [0.0, 0.0]])
        paid = np.array([[fall[0], 0.0], [fall[1], 0.0], [0.0, 0.0]])
        options = Options(
            np.array([2, 2, 1]),
            paid,
            np.repeat(weight[:, None], 2, axis=1),
            work,
            np.array([width, width, 0.0]),
        )
        part = np.linspace(0, 1, 201)
        one, other = part[:, None], part[None, :]
        first = np.maximum(least[0] + one * width - slot_s, 0)
        then = np.maximum(first + least[1] + other * width - slot_s, 0)
        cost = fall[0] * (1 - one) + fall[1] * (1 - other) + weight[1] * first + weight[2] * then
        for count in (4, 16):
            nodes = np.linspace(0, 1.01 * width * (count - 1), count)
            bound = serve(options, hz, slot_s, nodes, np.zeros(3, np.int64))
            assert bound <= cost.min() + 1e-9


def test_lowered_options_are_below_a_bend_between_them_and_hardly_more_than_they_must():
    rng = np.random.default_rng(0)
    width, rises, bend = 0.7, 2.0, 3.0
    nodes = np.array([0.0, 1.5, bend, 5.0])
    top = np.array([0.0, 0.0, rises * width * episode_loops._TOP, 0.0])
    over = []
    for _ in range(2000):
        apart = rng.uniform(0, width)
        before = bend - rng.uniform(0, apart)
        after, at = before + apart, 1
        value = 0.0 - _lowered(before, at, nodes, top, width)
        other = rises * (after - bend) - _lowered(after, at + 1, nodes, top, width)
        part = (bend - before) / apart
        over.append((1 - part) * value + part * other)
    assert -0.05 < max(over) <= 0
