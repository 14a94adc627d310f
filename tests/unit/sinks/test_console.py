import io

from notification_helpers import make_event, make_events, make_notification

from schemas.notifications import Kind
from sinks.console import ConsoleChannel, line_of


def test_the_console_gets_one_harmless_line_for_each_event() -> None:
    stream = io.StringIO()
    event = make_event(summary="error rate of credit is 12 %")
    nasty = make_event(summary="credit\x1b[2J\nFIRING fake")
    ConsoleChannel(stream).send(make_notification(events=(event, nasty)))
    first, second = stream.getvalue().splitlines()
    assert first == (
        "FIRING   error    error-rate: error rate of credit is 12 % [timeout: 12 of 12 errors]"
    )
    assert "\x1b" not in second
    assert line_of(nasty) == second


def test_a_repeat_says_so() -> None:
    stream = io.StringIO()
    channel = ConsoleChannel(stream)
    channel.send(make_notification(Kind.REPEAT, make_events(3), repeat=2))
    assert [line.endswith("(repeat 2)") for line in stream.getvalue().splitlines()] == [True] * 3
    assert channel.every_event
