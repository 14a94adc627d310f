"""Errors of single requests for River, and how ours group them in panes.

They come from Python's own generator, which gives the same numbers in every version.
"""

import math
import random
from typing import Any

PANE_REQUESTS = 200
PANES = 120
CHANGE = 60
"""Pane in which most kinds change."""
SEEDS = range(10)
USUAL = 0.1

KINDS = ("stationary", "rare", "abrupt", "small", "fall", "gradual", "back", "daily")
STATIONARY = ("stationary", "rare")
CHANGED_ONCE = ("abrupt", "small", "fall", "gradual")

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "up": {"mode": "up", "threshold": 20.0},
    "down": {"mode": "down", "threshold": 20.0},
    "forgetful": {"min_instances": 300, "delta": 0.02, "threshold": 10.0, "alpha": 0.99},
    "never_forgetful": {"alpha": 1.0, "threshold": 30.0},
}
"""Of the Page-Hinkley test; the parameters have the same names in River and here."""


def rate(kind: str, pane: int) -> float:
    """Share of wrong predictions in a pane."""
    after = pane >= CHANGE
    return {
        "stationary": USUAL,
        "rare": 0.01,
        "abrupt": 0.2 if after else USUAL,
        "small": 0.14 if after else USUAL,
        "fall": 0.04 if after else USUAL,
        "gradual": USUAL + 0.1 * min(1.0, max(0, pane - CHANGE) / 20),
        "back": 0.2 if CHANGE <= pane < CHANGE + 30 else USUAL,
        # Hours of a day: what is usual, and no drift.
        "daily": USUAL + 0.04 * math.sin(2 * math.pi * pane / 24),
    }[kind]


def wrong(kind: str, seed: int) -> list[int]:
    """Whether each request was wrong, 1 or 0, pane after pane."""
    rng = random.Random(f"{kind}-{seed}")
    rates = (rate(kind, pane) for pane in range(PANES))
    return [int(rng.random() < share) for share in rates for _ in range(PANE_REQUESTS)]


def magnitudes(seed: int) -> list[float]:
    """Absolute errors of a regression that becomes half again as wrong, then as good as before."""
    rng = random.Random(f"magnitudes-{seed}")
    return [rng.random() * (3.0 if 2_000 <= i < 4_000 else 2.0) for i in range(6_000)]
