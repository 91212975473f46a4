"""Declare the ways to train a model, one file a variant.

In: a dataset and hyperparameters. Out: the training plan of a job, and the container that serves its model.
Begin with `variant.py`, what each variant declares; `all.py` lists them.
"""
