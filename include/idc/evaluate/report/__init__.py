"""Write a candidate's evaluation report and model card.

In: its metrics, predictions and patches. Out: `report.html`, `card.json`, `card.html`, heatmaps.
Begin with `stage.py`.
"""
