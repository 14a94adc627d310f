"""Streamgauge's moving parts: how events become figures, reports and alerts."""
