"""Drift: how far a window lies from its baseline, and whether that can be chance."""
