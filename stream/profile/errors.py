"""What is wrong with a profile."""


class ProfileError(Exception):
    """A profile can't be read, or two can't be added; the message is one sentence."""
