"""What a model artifact may hold before it is registered: an allow-list of regular files.

Nothing is unpacked here. A filter of tarfile's would not do: before Python 3.11.13 it can be got round
(CVE-2025-4517), and it lets any file through that stays inside.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import PurePosixPath

from idc.errors import UnsafeArtifact

# Weights as arrays by name, TensorFlow's frozen graph, descriptions, and the code that serves them. No
# pickles, no optimizer states, no Keras archives, whose layers may be code.
ALLOWED = re.compile(
    r"[\w.-]+\.(params|npz|json)|1/(saved_model|fingerprint)\.pb|1/variables/variables\.[\w.-]+"
    r"|code/([\w-]+\.py|requirements\.txt)"
)
MOST_MEMBERS = 100
LARGEST_BYTES = 2 * 1024**3


def check(name: str, content: bytes) -> list[str]:
    """Return the names of the files in a model.tar.gz; `name` stands for it in errors.

    Raises:
        UnsafeArtifact: it is damaged, too large, or holds what a model of this product does not.
    """
    found: list[str] = []
    total_bytes = members = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                members, total_bytes = members + 1, total_bytes + member.size
                if members > MOST_MEMBERS or total_bytes > LARGEST_BYTES:
                    observed = f"{members} members of {total_bytes} bytes so far"
                    raise _unsafe(name, observed, f"at most {MOST_MEMBERS} of {LARGEST_BYTES}")
                if member.isdir() and _is_inside(member.name):
                    continue
                path = member.name.removeprefix("./")
                if not member.isreg() or not _is_inside(path) or not ALLOWED.fullmatch(path):
                    raise _unsafe(name, f"a {_kind(member)} {member.name[:100]!r}", "a model's own files")
                found.append(path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _unsafe(name, str(error) or type(error).__name__, "a tar.gz archive") from error
    if len(set(found)) != len(found) or not found:
        raise _unsafe(name, f"the files {sorted(found)}", "some, each once")
    return found


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _kind(member: tarfile.TarInfo) -> str:
    if member.isreg():
        return "file"
    return "link" if member.issym() or member.islnk() else "folder" if member.isdir() else "device"


def _unsafe(name: str, observed: str, expected: str) -> UnsafeArtifact:
    action = "Do not serve it. Train the model again, and find out what wrote this."
    return UnsafeArtifact("model artifact", name, observed, expected, action)
