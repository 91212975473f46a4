"""Draw the dataset report: class balance, patients by split, colours, whole slides, findings.

In: a dataset's shards and quality findings. Out: `datasets/<digest>/report.html` and its pictures.
Begin with `building.py`.
"""
