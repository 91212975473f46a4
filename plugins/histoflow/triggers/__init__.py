"""Triggers: they wait in the triggerer, so that no worker has to."""
