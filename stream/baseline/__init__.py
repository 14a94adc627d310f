"""Baselines: the reference data of a model version, reduced to its grid and counts."""
