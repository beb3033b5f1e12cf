"""Sensitivity: how much each layer's weights can be changed, one at a time, before accuracy suffers."""
