"""An ingest in a process of its own, which kills itself at a call to S3 when it is told to.

python killed_ingest.py URI PARTITION BUCKET [EVENT NUMBER]: it dies at the NUMBERth such event of botocore.
"""

from __future__ import annotations

import os
import signal
import sys

from idc.ingest.releases import is_release
from idc.ingest.snapshot import ingest
from idc.storage import ObjectStore, connect


def main(uri: str, partition: str, bucket: str, event: str = "", number: str = "0") -> None:
    store = ObjectStore(connect(), bucket)
    left = int(number)

    def die(**_: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if event:
        store.client.meta.events.register(event, die)
    kaggle = None
    if is_release(uri):
        from histoflow.hooks.kaggle import KaggleHook

        kaggle = KaggleHook()
    ingest(uri, partition, store, kaggle=kaggle)


if __name__ == "__main__":
    main(*sys.argv[1:])
