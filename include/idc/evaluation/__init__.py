"""Measuring a model on patients it has never seen."""
