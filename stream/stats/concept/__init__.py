"""Concept drift: whether the error of a model moved against its own past."""
