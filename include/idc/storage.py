"""Objects of the product's S3 bucket.

The converter brings the code, since it travels into the processing job without the rest of the library.
"""

from __future__ import annotations

from idc.converter.storage import (
    ObjectStore as ObjectStore,
    connect as connect,
    translated as translated,
)
