"""How well a model does, from counts and sums of labelled requests. Pure."""
