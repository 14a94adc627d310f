import pytest

from stream.stats.concept.moved_first import MovedFirst, Mover, moved_first

HOUR_MS = 3_600_000
NOON = 1_790_002_800_000 - 3 * HOUR_MS  # 2026-09-21 12:00 UTC


def test_nothing_moved() -> None:
    assert moved_first(None, {}) == MovedFirst(
        mover=Mover.NOTHING,
        performance_ms=None,
        feature=None,
        feature_ms=None,
        sentence="Neither performance nor a feature moved.",
    )


@pytest.mark.parametrize(
    ("performance_ms", "features", "mover", "sentence"),
    [
        (
            None,
            {"age": NOON},
            Mover.FEATURES,
            "Feature age moved at 2026-09-21 12:00 UTC, performance did not.",
        ),
        (
            NOON,
            {"age": NOON + 26 * HOUR_MS},
            Mover.PERFORMANCE,
            "Performance moved first, at 2026-09-21 12:00 UTC; feature age moved 26h later.",
        ),
        (
            NOON + 48 * HOUR_MS,
            {"age": NOON + HOUR_MS, "income": NOON},
            Mover.FEATURES,
            "Feature income moved first, at 2026-09-21 12:00 UTC; performance moved 2d later.",
        ),
        (
            NOON,
            {"age": NOON},
            Mover.TOGETHER,
            "Performance and feature age moved together, at 2026-09-21 12:00 UTC.",
        ),
    ],
)
def test_what_moved_first(
    performance_ms: int | None, features: dict[str, int], mover: Mover, sentence: str
) -> None:
    found = moved_first(performance_ms, features)
    assert found.mover is mover
    assert found.performance_ms == performance_ms
    assert found.sentence == sentence


def test_what_lies_within_a_pane_happened_together() -> None:
    features = {"age": NOON - HOUR_MS}
    assert moved_first(NOON, features, resolution_ms=HOUR_MS).mover is Mover.TOGETHER
    assert moved_first(NOON, features, resolution_ms=HOUR_MS - 1).mover is Mover.FEATURES


def test_of_several_features_at_once_the_first_by_name_is_told() -> None:
    found = moved_first(None, {"income": NOON, "age": NOON, "zone": NOON + HOUR_MS})
    assert (found.feature, found.feature_ms) == ("age", NOON)
