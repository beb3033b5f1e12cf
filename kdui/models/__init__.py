"""What can learn a task: one folder a family, spec.py for sizes and licence and build.py for the module."""
