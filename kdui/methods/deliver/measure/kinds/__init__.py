"""What Measure does with a model: a module each, found by ``measuring.KINDS``."""
