"""What turns a plan into artifacts: the pipeline and its reporter."""
