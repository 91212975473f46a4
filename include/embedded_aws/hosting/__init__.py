"""Endpoints: their life, the fleets behind them, and the process that hosts one instance."""
