"""Write and read record files: RecordIO, TFRecord, raw images and batch transform's payload.

In: encoded patches with labels. Out: the bytes of a shard and its side files.
Begin with `shards.py`; one module a format.
"""
