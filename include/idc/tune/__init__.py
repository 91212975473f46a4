"""Search hyperparameters with a tuning job a variant; the best become the next training's defaults.

In: a dataset and the ranges to search. Out: `tuning/<job>/`, a candidate, `tuning/<variant>/defaults.json`.
Begin with `stage.py`.
"""
