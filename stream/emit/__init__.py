"""Files as events: Parquet, CSV and JSON lines to ``ml.predictions`` and ``ml.labels``."""
