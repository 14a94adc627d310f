from sinks.taken import Taken


def test_the_last_hundred_notifications_are_remembered() -> None:
    taken = Taken()
    taken.of("first").add("somebody")
    assert taken.of("first") == {"somebody"}
    assert taken.of("second") == set()
    for number in range(100):
        taken.of(f"n{number}")
    assert taken.of("first") == set()
    assert len(taken._by_id) == 100
