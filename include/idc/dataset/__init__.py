"""The data plane: an archive becomes a snapshot, a snapshot becomes a split dataset of record shards."""
