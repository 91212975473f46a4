"""A split somebody gives, such as a published one: a CSV with the columns `patient` and `split`.

Other columns are passed over, so that the `split.csv` of one dataset can be given for the next.
"""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Collection, Dict, Iterable, List, Mapping, Tuple

from idc.converter import keys
from idc.converter.errors import ConfigurationError, LeakageError
from idc.converter.storage import ObjectStore

_LARGEST_BYTES = 8 << 20
_SHOWN = 10
_COLUMNS = ("patient", "split")


def store_split(blocks: Iterable[bytes], name: str, store: ObjectStore) -> str:
    """Check the CSV that comes in blocks, keep it in the bucket by its content; return its SHA-256.

    Raises:
        ConfigurationError, LeakageError: it is no split.
    """
    content = bytearray()
    for block in blocks:
        content += block
        if len(content) > _LARGEST_BYTES:
            raise _wrong(name, f"more than {_LARGEST_BYTES} bytes", "a table of patients and their splits")
    parse_split(bytes(content), name)
    digest = hashlib.sha256(content).hexdigest()
    store.put_missing(keys.given_split(digest), content)
    return digest


def load_split(sha256: str, store: ObjectStore) -> Dict[str, str]:
    """Return each patient's side in the split of this digest.

    Raises:
        MissingObject: nobody has stored it.
        ConfigurationError, LeakageError: it is not what was stored.
    """
    uri = store.uri(keys.given_split(sha256))
    content = store.get(keys.given_split(sha256))
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise _wrong(uri, f"SHA-256 {digest}", sha256)
    return parse_split(content, uri)


def parse_split(content: bytes, name: str) -> Dict[str, str]:
    """Return each patient's side; `name` is for errors.

    Raises:
        ConfigurationError: it is no such table, or a split in it has another name.
        LeakageError: a patient stands in two splits.
    """
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [{column: (line.get(column) or "").strip() for column in _COLUMNS} for line in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _wrong(name, f"is no CSV ({error})", "the columns patient and split") from error
    if not lines or not set(_COLUMNS) <= set(table.fieldnames or ()):
        observed = f"{len(lines)} lines with the columns {', '.join(table.fieldnames or ()) or 'none'}"
        raise _wrong(name, observed, "the columns patient and split")
    sides: Dict[str, str] = {}
    unknown: List[str] = []
    parted: List[str] = []
    for number, line in enumerate(lines, start=2):
        patient, split = line["patient"], line["split"]
        if not patient or split not in keys.SPLITS:
            unknown.append(f"line {number}: patient {patient!r}, split {split!r}")
        elif sides.setdefault(patient, split) != split:
            parted.append(f"{patient} in {sides[patient]} and in {split}")
    if unknown:
        raise _wrong(name, _listed(unknown), f"a patient and one of {', '.join(keys.SPLITS)}")
    if parted:
        action = "Leave each patient in one split."
        raise LeakageError("split", name, f"patients in two splits: {_listed(parted)}", "one each", action)
    return sides


def check_patients(sides: Mapping[str, str], patients: Collection[str], name: str) -> None:
    """Refuse a given split of other patients than the archive's.

    Raises:
        ConfigurationError: with the first ten who are missing and who are unknown.
    """
    missing = sorted(set(patients) - set(sides), key=_by_number)
    unknown = sorted(set(sides) - set(patients), key=_by_number)
    found = []
    if missing:
        found.append(f"patients of the archive who are not in it: {_listed(missing)}")
    if unknown:
        found.append(f"patients who are not in the archive: {_listed(unknown)}")
    if found:
        raise _wrong(name, "; ".join(found), f"just the {len(patients)} patients of the archive")


def _by_number(patient: str) -> Tuple[int, str]:
    return len(patient), patient


def _listed(items: Iterable[str]) -> str:
    """Return the first ten and the number of all."""
    items = list(items)
    return f"{len(items)} ({', '.join(items[:_SHOWN])}{', …' if len(items) > _SHOWN else ''})"


def _wrong(name: str, observed: str, expected: str) -> ConfigurationError:
    return ConfigurationError("given split", name, observed, expected, "Correct the file.")
