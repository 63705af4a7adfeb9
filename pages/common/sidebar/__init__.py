"""One model, one input and one target for every page."""
