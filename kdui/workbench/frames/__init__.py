"""Evidence about one run's models: a module each, found by ``kdui.workbench.evidence_frame.FRAMES``."""
