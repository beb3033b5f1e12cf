"""Measure: quality on the test split, size, latency, throughput and memory of every model of a run."""
