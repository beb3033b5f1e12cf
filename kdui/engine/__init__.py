"""What turns a plan into artifacts: pipeline, the one training loop, teacher cache, evaluation, export."""
