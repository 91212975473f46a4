"""Operators: they build a specification, call a hook, and return a small dict."""
