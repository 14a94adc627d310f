"""Which channels an alert goes to. Pure.

Routes by labels, grouping, silences and inhibition belong here; this release has the rule's own
channels, else all that are configured.
"""

from collections.abc import Collection, Sequence

DEFAULT_CHANNEL = "log"
"""Where alerts go while no channel is configured."""


def channels_for(named: Sequence[str] | None, configured: Collection[str]) -> list[str]:
    """Return the channels of an alert.

    Parameters
    ----------
    named : by its rule; None where it names none
    configured : channels there are; never empty

    Returns
    -------
    list
        Those named that exist. Where none does it is all of them: better told twice than not.

    Examples
    --------
    >>> channels_for(["pager"], ["log", "pager"]), channels_for(["gone"], ["log", "pager"])
    (['pager'], ['log', 'pager'])
    """
    found = [name for name in dict.fromkeys(named or ()) if name in configured]
    return found or sorted(configured)
