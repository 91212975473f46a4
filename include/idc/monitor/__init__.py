"""Compare what the endpoint was asked and answered with the served model's evaluation.

In: captured invocations and doctors' labels of a window of days. Out: `monitoring/<day>/`, advice to retrain.
Begin with `stage.py`.
"""
