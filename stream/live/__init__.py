"""What Redis says of all models now, read and shown in a terminal.

>>> from stream.live import LiveView, read_overview  # doctest: +SKIP
>>> print(LiveView(read_overview(client, "ml")))  # doctest: +SKIP
"""

from stream.live.overview import Learning, Overview, VersionView, WindowView, read_overview
from stream.live.screen import follow
from stream.live.view import LiveView, plain_lines

__all__ = [
    "Learning",
    "LiveView",
    "Overview",
    "VersionView",
    "WindowView",
    "follow",
    "plain_lines",
    "read_overview",
]
