"""Copy an archive into S3 as the immutable snapshot of a partition.

In: an archive at a path, `https://`, `s3://`, Kaggle, or generated. Out: `snapshots/<partition>/`.
Begin with `stage.py`; `snapshot.py` does the work, `sources.py` opens what is named.
"""
