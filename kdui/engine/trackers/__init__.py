"""Where a run's curves and results are logged for other programs: TensorBoard files always, others by a setting."""
