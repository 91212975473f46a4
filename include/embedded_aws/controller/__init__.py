"""The controller process: makes what runs agree with what is stored.

In: rows of the store. Out: an agent process per job, a host process per endpoint instance.
Read `controller.py` first, then `scheduler.py`.
"""
