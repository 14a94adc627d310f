"""What the demo configures: its model and the rules that watch it, as a user would."""

from schemas.models import LabelsConfig, ModelConfig, Task
from schemas.rules import RuleConfig
from schemas.windows import WindowConfig
from stream.demo.traffic import MODEL

PERFORMANCE_WINDOW = "30d"
"""The blocks are ordered by place, so accuracy jumps from week to week; a month evens it out."""

COUNT_MIN = 100
"""Of a whole window's 720. The first one begins before the data and holds one day."""

CONFIG = ModelConfig(
    model_name=MODEL,
    task=Task.BINARY,
    # Traffic is one event an hour, so a day is the smallest step that holds something.
    windows=(WindowConfig(size="1d", every="1d"), "7d", PERFORMANCE_WINDOW),
    # Labels come in the order of time, so four fifths of them would be the first 24 days.
    labels=LabelsConfig(min_coverage=1.0),
)
RULES = tuple(
    RuleConfig(name=name, window=PERFORMANCE_WINDOW, min_count=COUNT_MIN)
    for name in ("accuracy-drop", "f1-drop")
)
