"""Statistics: pure functions from counts to numbers. Rules decide elsewhere."""
