"""Objects of the product's S3 bucket.

The converter brings the code, since it travels into the processing job without the rest of the library.
"""

from __future__ import annotations

from idc.converter.storage import (
    Buffer as Buffer,
    Head as Head,
    ObjectStore as ObjectStore,
    connect as connect,
    patiently as patiently,
    translated as translated,
)
