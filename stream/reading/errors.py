"""What can't be read on demand."""


class ReadingError(Exception):
    """What was asked for is not there; the message is one sentence that says what to do."""
