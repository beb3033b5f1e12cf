"""Forms that methods share, and the place that they give a step in the plan."""
