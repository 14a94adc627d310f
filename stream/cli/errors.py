"""How a command says that it can't go on: one sentence, and an exit code."""

FAILED = 1
"""Exit code: the work failed."""

USAGE = 2
"""Exit code: wrong usage or settings."""


class CommandError(Exception):
    """The command ends here.

    Parameters
    ----------
    message
        One sentence: what happened, where, what to do.
    code
        `FAILED` or `USAGE`.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def usage(message: str) -> CommandError:
    """Return the error for wrong usage."""
    return CommandError(message, USAGE)
