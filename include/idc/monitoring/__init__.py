"""Watching a served model: what it is asked, what it answers, what doctors say of that."""
