"""The table of patches while the directory is walked, a block of entries at a time.

Entries named as patches are taken in by columns, whole blocks at once; all others one by one.
"""

from __future__ import annotations

import re
import struct
from array import array
from itertools import compress
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Set, Tuple

import numpy as np

from idc.converter.archive import LOCAL_HEADER_BYTES, Limits, check_limit, check_name, normal_name
from idc.converter.catalog import COLUMNS, LISTED, Refused
from idc.converter.directory import ENCRYPTED, FULL, Member, find_directory, read_blocks, read_entry
from idc.converter.errors import InvalidPatchName, UnsafeArchive
from idc.converter.patches import DOUBLED_TREE, EXTENSIONS, looks_like_patch, parse_member
from idc.converter.ranges import RangeReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPECTED = "<patient>/<class>/<patient>_idx5_x<x>_y<y>_class<class>.png"
_SHOWN = 10
_ROW = struct.Struct("<q7IH4B")
_LONGEST_EXTRA = 0xFFFF
_ENTRY = np.dtype(
    {
        "names": ["flags", "method", "crc", "compressed", "size", "name", "offset"],
        "formats": ["<u2", "<u2", "<u4", "<u4", "<u4", "<u2", "<u4"],
        "offsets": [8, 10, 16, 20, 24, 28, 42],
        "itemsize": 46,
    }
)
_EXTENSIONS = {name.encode(): number for number, name in enumerate(EXTENSIONS)}
_NUMBER = rb"(0|[1-9][0-9]{0,6})"
# One line per entry; what is named otherwise is for `parse_member` to explain.
_LINES = re.compile(
    rb"^(?:(%s)?([0-9]{1,12})/([01])/\2_idx%s_x%s_y%s_class\3\.(png|jpg|jpeg)|.*)$"
    % (DOUBLED_TREE.encode(), _NUMBER, _NUMBER, _NUMBER),
    re.MULTILINE,
)


class Draft:
    """What is known of an archive's members so far; `rows` are as in `COLUMNS`."""

    def __init__(self, reader: RangeReader, limits: Limits) -> None:
        """Begin with nothing."""
        self.rows = bytearray()
        self.patients: Dict[str, int] = {}
        self.refused: List[Refused] = []
        self.refused_count = 0
        self._reader, self._limits = reader, limits
        self._directory = find_directory(reader)
        self._total_bytes = 0
        self._invalid: List[str] = []
        self._invalid_count = 0
        self._paths = array("q")  # hashes
        self._offsets = array("q")
        self._smallest_ends = array("q")

    def fill(self) -> None:
        """Take in every member.

        Raises:
            CorruptArchive: the directory is damaged.
            UnsafeArchive: a name leads out of the archive, or the declared totals exceed the limits.
        """
        check_limit(self._reader, "members", self._directory.members, self._limits.members)
        for buffer, starts in read_blocks(self._reader, self._directory):
            if starts:
                self._add_block(buffer, np.array(starts))
            check_limit(self._reader, "unpacked bytes", self._total_bytes, self._limits.total_bytes)
        ratio = self._total_bytes / self._reader.size
        check_limit(self._reader, "times its size unpacked", ratio, self._limits.ratio)

    def repeated_paths(self) -> Set[int]:
        """Return the hashes that more than one member's path has, once: they are forgotten."""
        paths = np.array(self._paths, dtype=np.int64)
        self._paths = array("q")
        paths.sort()
        return set(paths[:-1][paths[:-1] == paths[1:]].tolist())

    def check_names(self) -> None:
        """Refuse names of images that are no patch's."""
        if self._invalid_count:
            observed = f"{self._invalid_count} members are not named as patches: {'; '.join(self._invalid)}"
            which = self._reader.name
            raise InvalidPatchName("archive", which, observed, EXPECTED, "Mend or remove them.")

    def member_ends(self) -> Tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return every member's offset, ascending, and where at most it ends, once; refuse overlaps."""
        offsets = np.frombuffer(self._offsets, dtype=np.int64)
        order = np.argsort(offsets, kind="stable")
        offsets, ends = offsets[order], np.frombuffer(self._smallest_ends, dtype=np.int64)[order]
        self._offsets, self._smallest_ends = array("q"), array("q")
        del order
        following = np.append(offsets[1:], self._directory.offset)
        overlaps = int(np.count_nonzero(ends > following))
        if overlaps:
            observed = f"{overlaps} members lie over others or over the directory"
            raise UnsafeArchive("archive", self._reader.name, observed, "none", "Do not use this archive.")
        ends += _LONGEST_EXTRA
        return offsets, np.minimum(following, ends, out=ends)

    def _add_block(self, buffer: bytes, starts: NDArray[np.int64]) -> None:
        content = np.frombuffer(buffer, dtype=np.uint8)
        entries = content[starts[:, None] + np.arange(_ENTRY.itemsize)].view(_ENTRY)[:, 0]
        begins = starts + _ENTRY.itemsize
        bounds = zip(begins.tolist(), (begins + entries["name"]).tolist())
        names = [buffer[begin:end] for begin, end in bounds]
        found = _LINES.findall(b"\n".join(names))
        is_plain = np.zeros(len(names), dtype=bool)
        if len(found) == len(names):  # else a name holds a line break
            is_plain = np.array([fields[1] != b"" for fields in found])
            for field in ("size", "compressed", "offset"):
                is_plain &= entries[field] != FULL
        if is_plain.any():
            chosen = is_plain.tolist()
            self._add_plain(entries[is_plain], list(zip(*compress(found, chosen))))
            self._add_paths(compress(names, chosen))
        for at in starts[~is_plain].tolist():
            self._add(read_entry(self._reader, buffer, at))

    def _add_plain(self, entries: NDArray[Any], columns: List[Tuple[bytes, ...]]) -> None:
        """Take in entries that are named as patches, each column's bytes as `_LINES` finds them."""
        tree, patient, label, slide, x, y, extension = columns
        rows = np.zeros(len(entries), dtype=COLUMNS)
        for name in ("offset", "compressed", "size", "crc", "method"):
            rows[name] = entries[name]
        for name, column in (("label", label), ("slide", slide), ("x", x), ("y", y)):
            rows[name] = np.fromstring(b" ".join(column), dtype=np.int64, sep=" ")
        known = {
            found: self.patients.setdefault(found.decode("ascii"), len(self.patients))
            for found in dict.fromkeys(patient)
        }
        rows["patient"] = list(map(known.__getitem__, patient))
        rows["extension"] = list(map(_EXTENSIONS.__getitem__, extension))
        rows["is_doubled"] = list(map(bool, tree))
        rows["is_encrypted"] = entries["flags"] & ENCRYPTED
        self.rows += rows.tobytes()
        offsets = entries["offset"].astype(np.int64)
        self._offsets.frombytes(offsets.tobytes())
        ends = offsets + LOCAL_HEADER_BYTES + entries["name"] + entries["compressed"]
        self._smallest_ends.frombytes(ends.tobytes())
        self._total_bytes += int(entries["size"].sum(dtype=np.int64))

    def _add_paths(self, names: Iterable[bytes]) -> None:
        """Take in the paths of entries that are named as patches: ASCII, and no more to do than fold case."""
        paths = b"\n".join(names).decode("ascii").lower().split("\n")
        self._paths.extend(map(hash, paths))

    def _add(self, member: Member) -> None:
        """Take in one member, whatever it is."""
        check_name(member.name)
        self._total_bytes += member.size
        self._paths.append(hash(path_of(member)))
        self._offsets.append(member.offset)
        smallest = LOCAL_HEADER_BYTES + len(member.raw_name) + member.compressed_size
        self._smallest_ends.append(member.offset + smallest)
        if looks_like_patch(member.name):
            self._add_patch(member)
        elif not member.name.endswith("/") or member.size:
            self.refused_count += 1
            if len(self.refused) < LISTED:
                self.refused.append(Refused(member.name, "is neither PNG nor JPEG by its name"))

    def _add_patch(self, member: Member) -> None:
        try:
            patch, is_doubled = parse_member(member.name)
        except ValueError as problem:
            self._invalid_count += 1
            if len(self._invalid) < _SHOWN:
                self._invalid.append(f"{member.name!r} {problem}")
            return
        self.rows += _ROW.pack(
            member.offset,
            min(member.compressed_size, FULL),
            min(member.size, FULL),
            member.crc,
            self.patients.setdefault(patch.patient, len(self.patients)),
            patch.slide,
            patch.x,
            patch.y,
            member.method,
            patch.label,
            EXTENSIONS.index(patch.extension),
            is_doubled,
            member.is_encrypted,
        )


def path_of(member: Member) -> str:
    """Return what a member's name becomes on a file system that folds case."""
    return normal_name(member.name.rstrip("/"))
