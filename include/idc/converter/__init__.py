"""Convert a snapshot into RecordIO and TFRecord shards: all code that runs inside the processing job.

In: a snapshot's archive and the arguments of a job. Out: `datasets/<digest>/`, its index written last.
Begin with `convert.py`. The digest of a dataset covers this folder and no other code.
"""
