"""Profiles: a window's state as a file, which adds up and can be shown anywhere."""
