"""Who has a notification that others have yet to get."""

__all__ = ["Taken"]

_KEPT = 100


class Taken:
    """Recipients by notification, so that a retry is for the others only.

    Kept in memory, for the last few notifications: after a restart all get it again.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, set[str]] = {}

    def of(self, notification_id: str) -> set[str]:
        """Return who has it; the set may be added to."""
        taken = self._by_id.setdefault(notification_id, set())
        while len(self._by_id) > _KEPT:
            del self._by_id[next(iter(self._by_id))]
        return taken
