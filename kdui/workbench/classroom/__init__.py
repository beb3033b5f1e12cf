"""A class on one server: a join link, its participants, their predictions, their small runs, their browsers' latencies."""
