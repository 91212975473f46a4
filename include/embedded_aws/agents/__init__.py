"""Agents: the process beside every job, which outlives the server that started it."""
