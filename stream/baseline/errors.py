"""Why no baseline can be made of some data."""


class BaselineError(ValueError):
    """Data that no baseline can be made of: one sentence that says what to do."""
