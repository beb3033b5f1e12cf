"""Explore's charts of one run: a module each, found by ``kdui.charts.evidence_chart.CHARTS``."""
