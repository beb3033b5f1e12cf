"""kdui: a laboratory bench for knowledge distillation and model compression in the browser."""

__version__ = "0.1.0"
