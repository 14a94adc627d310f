"""Mergeable summaries: exact counts on fixed cells and exact integer sums."""
