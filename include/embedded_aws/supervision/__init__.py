"""The processes of one home: started, checked, found, stopped.

In: settings. Out: four running services under supervisord.
Read `supervisor.py` first, then `supervisord.py` (any group of processes) and `processes.py`.
"""
