"""Hyperparameter tuning: searches that run training jobs of their own."""
