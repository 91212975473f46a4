"""Draw the candidates and champions of all partitions on one page.

In: `metrics.json` and `decision.json` of every partition. Out: `history/history.html`.
Begin with `stage.py`.
"""
