"""One label out of many for each example."""
