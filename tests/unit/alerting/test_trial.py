"""A notification that tries a channel says so, and ends what it began."""

from schemas.alerts import Severity, Status, fingerprint
from schemas.notifications import Kind
from stream.alerting.trial import trial

NOW = 1_790_002_800_000


def test_a_trial_is_clearly_one_and_its_end_belongs_to_it() -> None:
    given = "pager", "ml"
    first = trial(*given, Status.FIRING, Severity.ERROR, "ann@a", NOW, NOW)
    last = trial(*given, Status.RESOLVED, Severity.ERROR, "ann@a", NOW, NOW)
    assert first.title == (
        "ERROR test-notify: THIS IS A TEST, nothing is wrong: ann@a tries the channel pager"
    )
    assert last.title.startswith("RESOLVED test-notify: THIS IS A TEST, and it is over")
    assert (first.kind, first.firing) == (Kind.FIRST, 1)
    assert (last.kind, last.firing) == (Kind.RESOLVED, 0)
    assert first.key == last.key == fingerprint("test-notify", {"namespace": "ml"})
    assert first.id != last.id
    ((begins,), (ends,)) = first.events, last.events
    assert (begins.severity, begins.ends_at) == (Severity.ERROR, None)
    assert ends.starts_at < (ends.ends_at or 0), "an alert takes time, also on a coarse clock"


def test_each_trial_has_ids_of_its_own() -> None:
    given = "pager", "ml", Status.FIRING, Severity.INFO, "ann@a"
    one, other = trial(*given, NOW, NOW), trial(*given, NOW + 1, NOW + 1)
    assert one.id != other.id
    assert one.key == other.key
