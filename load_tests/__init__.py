"""Generators and measured comparisons; recorded results are in ``results/``."""
