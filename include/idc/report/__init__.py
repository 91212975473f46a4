"""The report of a dataset: what is in it, for people to look at before anything is trained on it."""
