"""Add profiles up: in any order, the sum is the same bytes."""

from stream.profile.content import PARTS_MAX, Profile, newest
from stream.profile.errors import ProfileError
from stream.profile.rows import encode_rows
from stream.rollup.merge import PaneCounts, decode_pane, merge_panes


def counts_of(profile: Profile) -> PaneCounts:
    """Decode the counts of a profile."""
    return decode_pane({name.encode(): row for name, row in profile.rows.items()})


def merged(a: Profile, b: Profile) -> Profile:
    """Add two profiles of one model version and grid.

    Baseline and configuration are those of the newest part. Commutative and associative.

    Raises
    ------
    ProfileError
        When they can't be added.
    """
    _check(a, b)
    latest = max((a, b), key=newest)
    return Profile(
        model_name=a.model_name,
        model_version=a.model_version,
        parts=tuple(sorted((*a.parts, *b.parts))),
        named=a.named,
        grid=a.grid,
        baseline=latest.baseline,
        config=latest.config,
        rows=encode_rows(merge_panes([counts_of(a), counts_of(b)])),
    )


def _check(a: Profile, b: Profile) -> None:
    whose = [f"{one.model_name} {one.model_version}" for one in (a, b)]
    if whose[0] != whose[1]:
        raise ProfileError(
            f"one profile is of {whose[0]} and one of {whose[1]}: only those of one model version"
            " add up"
        )
    if a.named != b.named:
        raise ProfileError("one profile has names and one has none: export both the same way")
    if a.grid != b.grid:
        raise ProfileError(
            f"the profiles of {whose[0]} were counted on two grids, of baselines with other cells:"
            " only those on one grid add up"
        )
    twice = {part.id for part in a.parts} & {part.id for part in b.parts}
    if twice:
        raise ProfileError(
            f"both profiles of {whose[0]} hold the same window: adding them would count it twice"
        )
    if len(a.parts) + len(b.parts) > PARTS_MAX:
        raise ProfileError(f"the sum would be of more than {PARTS_MAX:,} windows: keep it in two")
