"""The environment of slots that follow one another, against episodes played as a whole."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mec_gym import Scenario, episodes

FIELDS = {
    "slots": 5,
    "slot_s": 0.4,
    "arrivals": {"probability": 0.5},
    "background": {"levels": [0.0, 0.5]},
    "handover_s": 0.1,
}
OBSERVATIONS = ("paper", "si", "servers", "prices")


def made(reward="delay", observation="paper", **changes):
    return gym.make(
        "mec_gym:MEC-Offload-v0", scenario=FIELDS | changes, reward=reward, observation=observation
    )


def played(env, seed=None, episode=None):
    """An episode of random actions: what each step gave, and the episode's assignment."""
    options = None if episode is None else {"episode": episode}
    _, info = env.reset(seed=seed, options=options)
    rng, done, steps = np.random.default_rng(seed), False, []
    while not done:
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        _, reward, done, _, info = env.step(action)
        steps.append((action, reward, info))
    return steps


@pytest.mark.parametrize("seed", range(5))
def test_rewards_sum_to_the_cost_of_the_episode_played_as_a_whole(seed):
    env = made()
    (episode,) = Scenario(**FIELDS).draw_episodes(1, np.random.default_rng(seed))
    steps = played(env, seed, episode)
    assignment = np.full((5, 9), -1)
    assignment[episode.present] = [action for action, _, _ in steps]
    one = Scenario(**FIELDS).draw_episodes(1, np.random.default_rng(seed))
    whole = episodes.play(
        one, lambda slots, k: assignment[k][episode.present[k]].reshape(slots.task_cycles.shape)
    )
    assert sum(reward for _, reward, _ in steps) == pytest.approx(-whole.cost.sum(), rel=1e-12)
    info = steps[-1][2]
    assert info["episode_tasks"] == len(steps) == episode.present.sum()
    assert info["episode_average_delay"] == pytest.approx(whole.delay.sum() / len(steps))
    ends = [info for _, _, info in steps if "slot" in info]
    for end in ends:
        assert end["backlog_cycles"] == pytest.approx(whole.backlog_cycles[0, end["slot"]])
        assert list(end["devices"]) == list(np.flatnonzero(episode.present[end["slot"]]))
    assert [end["slot"] for end in ends] == list(np.flatnonzero(episode.present.any(axis=1)))
    moves = last = 0
    for device in range(9):
        last = -1
        for server in assignment[:, device]:
            moves += last >= 0 and server >= 0 and server != last
            last = server if server >= 0 else last
    assert info["episode_handovers"] == moves


def test_a_seed_plays_the_episodes_that_the_scenario_draws():
    env, scenario = made(), Scenario(**FIELDS)
    drawn = scenario.sample_episodes(4, 7)
    env.reset(seed=7)
    for number in range(4):
        slot = env.unwrapped.instance
        first = int(np.flatnonzero(drawn.present[number].any(axis=1))[0])
        devices = np.flatnonzero(drawn.present[number, first])
        np.testing.assert_array_equal(slot.gain, drawn.slots.gain[number, first][devices])
        played(env) if number == 3 else env.reset()


def test_regret_sums_to_the_cost_less_the_bound_of_each_slot_as_it_was_met():
    env = made("regret", background=None)
    steps, total, first = [], 0.0, 0.0
    _, info = env.reset(seed=0)
    done = False
    while not done:
        slot = env.unwrapped.instance
        if not steps or "slot" in steps[-1][1]:
            # With capacity left aside, links of their least cost and a common water level.
            level = slot.task_cycles**0.5
            first += level.sum() ** 2 / slot.server_hz.sum()
            first += (slot.tx_delay + waits(slot)).min(axis=-1).sum()
        _, reward, done, _, info = env.step(int(info["action_mask"].argmax()))
        steps.append((reward, info))
        if "slot" in info:
            total += info["average_delay"] * len(info["devices"])
    assert sum(reward for reward, _ in steps) == pytest.approx(-(total - first), rel=1e-9)


def waits(slot):
    """What comes before computing on each link, but sending it."""
    moved = (slot.last_server[:, None] >= 0) & (
        slot.last_server[:, None] != np.arange(slot.num_servers)
    )
    return slot.backlog_cycles / slot.server_hz + moved * slot.handover_s[:, None]


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_gymnasium_finds_nothing_to_warn_of(observation, recwarn):
    check_env(made(observation=observation).unwrapped, skip_render_check=True)
    assert not [warning for warning in recwarn if "MEC" not in str(warning.message)]


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_what_is_seen_tells_what_came_before(observation):
    env = made(observation=observation, arrivals=None)
    seen, info = env.reset(seed=1)
    before = seen
    for _ in range(9):  # the whole first slot on as few servers as take it
        seen, _, _, _, info = env.step(int(info["action_mask"].argmax()))
    slot = env.unwrapped.instance
    wait = slot.backlog_cycles / slot.server_hz
    assert wait.max() > 0.1
    if observation == "paper":
        first = 9 * 3 + 18 + 3
        assert seen[first : first + 3] == pytest.approx(wait / (wait + 0.4))
        assert seen[first + 6] == pytest.approx(3 / 5)
        assert seen[first + 7 :] == pytest.approx((slot.last_server + 1) / 3)
        assert (before[first : first + 3] == 0).all()
    elif observation == "si":
        first = 9 * 3 + 18 + 3
        assert seen[first : first + 3] == pytest.approx(wait)
        assert seen[first + 3 : first + 6] == pytest.approx(slot.server_hz)
        assert seen[first + 7 :] == pytest.approx(slot.last_server)
    else:
        first = seen.shape[1] - 6
        ratio = wait / 0.4
        assert seen[:, first] == pytest.approx(ratio / (1 + ratio / 3), rel=1e-5)
        assert list(seen[:, first + 4]) == [server == slot.last_server[0] for server in range(3)]
        assert seen[:, first + 5] == pytest.approx(3 / 5)


def test_what_does_not_fit_is_refused():
    env = made()
    drawn = Scenario(**FIELDS).sample_episodes(2, 0)
    with pytest.raises(ValueError, match=r"episode: episodes of shape \(2,\)"):
        env.reset(options={"episode": drawn})
    with pytest.raises(ValueError, match="episode: Instance is not"):
        env.reset(options={"episode": drawn.slots[0]})
    other = Scenario(**FIELDS | {"slot_s": 0.5}).sample_episodes(1, 0)[0]
    with pytest.raises(ValueError, match="do not fit the scenario's slots"):
        env.reset(options={"episode": other})
    still = Scenario(**FIELDS | {"handover_s": None}).sample_episodes(1, 0)[0]
    with pytest.raises(ValueError, match="it has no handover_s"):
        env.reset(options={"episode": still})
    with pytest.raises(ValueError, match="instance"):
        env.reset(options={"instance": drawn.slots[0, 0]})
    alone = gym.make("mec_gym:MEC-Offload-v0")
    with pytest.raises(ValueError, match="it has backlog_cycles, the scenario one slot"):
        alone.reset(options={"instance": drawn.slots[0, 0]})


@pytest.mark.parametrize("servers", [3, 9])
def test_text_says_what_came_before(servers):
    fields = {"num_servers": servers, "arrivals": None, "capacity": 9}
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=FIELDS | fields, render_mode="ansi")
    env.reset(seed=0)
    for _ in range(9):
        env.step(0)
    slot = env.unwrapped.instance
    wait = slot.backlog_cycles / slot.server_hz
    assert wait[0] > 0
    said = f"{wait[0]:.3g}, " + ", ".join(["0"] * (servers - 1))
    if servers > 8:
        said = f"{wait.mean():.3g} on average, {wait.max():.3g} at most"
    assert f"work left over on servers: {said} s; slots that follow: 3" in env.render()
