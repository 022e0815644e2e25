"""The claims on the figures: their verdicts follow the numbers."""

from made_up import made_up_results

from evaluate.paper.claims import claims
from evaluate.paper.stated import DQN_RAO
from evaluate.paper.verdicts import Verdict


def test_all_claims_hold_where_the_numbers_are_the_papers(as_stated):
    assert {claim.verdict for claim in claims(as_stated)} == {Verdict.HOLDS}


def test_no_claim_on_order_or_values_at_5_ghz_holds_where_the_numbers_say_otherwise(readings):
    results = made_up_results(
        readings,
        {DQN_RAO: 0.80, "goa": 0.95, "roa": 0.79},
        {DQN_RAO: (0.44, 0.64), "goa": (0.50, 0.70), "roa": (0.43, 0.53)},
        noise=(0.1, 0.2, 0.3, 0.4),
    )
    verdicts = {claim.says: claim.verdict for claim in claims(results)}
    held = [says for says, verdict in verdicts.items() if verdict is Verdict.HOLDS]
    assert held == ["At 5 GHz DQN-RAO is over 14% below GOA"]
    assert Verdict.OPEN not in verdicts.values()


def test_a_margin_within_its_interval_is_not_settled(readings):
    close = {DQN_RAO: (0.60, 0.42), "goa": (0.70, 0.50), "roa": (0.60001, 0.60)}
    results = made_up_results(
        readings, close, {DQN_RAO: (0.44, 0.54), "goa": 0.6, "roa": (0.55, 0.78)}
    )
    lowest = claims(results)[0]
    assert lowest.verdict is Verdict.OPEN
    assert "ROA, of 2 points: below at 1, no difference settled at 1" in lowest.measured
