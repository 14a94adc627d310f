from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.ranking import ranking_figures

NONE = ExactSums()


def test_nothing_summed_is_absent() -> None:
    assert ranking_figures(NONE, NONE, NONE) == {}


def test_requests_without_a_relevant_item_have_no_gain_but_no_rank_and_no_hit() -> None:
    found = ranking_figures(NONE, ExactSums.of([0.0, 0.0]), ExactSums.of([0.0, 0.0]))
    assert {name: figure.value for name, figure in found.items()} == {
        "mrr": 0.0,
        "hit_rate_at_10": 0.0,
    }


def test_intervals_stay_between_zero_and_one() -> None:
    found = ranking_figures(*(ExactSums.of([0.0, 1.0]) for _ in range(3)))
    assert (found["ndcg_at_10"].low, found["mrr"].high) == (0.0, 1.0)
    assert found["hit_rate_at_10"].low is not None
    assert 0 < found["hit_rate_at_10"].low < 0.1  # Wilson's, not the mean's
