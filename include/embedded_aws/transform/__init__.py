"""Batch transform: objects cut into records, records sent to a model's server, answers assembled."""
