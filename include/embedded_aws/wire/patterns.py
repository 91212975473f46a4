r"""Converts the service model's regular expressions from Java's syntax to Python's.

Java knows Unicode categories (`\p{L}`) and POSIX classes (`\p{Alnum}`) that `re` does not.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

_POSIX = {"ASCII": r"\x00-\x7f", "Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Print": r"\x20-\x7e"}
_SURROGATE_PAIRS = r"\uD800\uDC00-\uDBFF\uDFFF"  # the supplementary planes, as UTF-16 spells them
_REPEATED_END = re.compile(r"\$\{\d+,\d+\}$")  # Java repeats the end of the text, Python does not
_CLASS = re.compile(r"\\p\{(\w+)\}")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python equivalent of a pattern of the service model."""
    text = pattern.replace(_SURROGATE_PAIRS, r"\U00010000-\U0010FFFF").replace(r"\z", r"\Z")
    text = _REPEATED_END.sub("$", text)
    translated, position = [], 0
    for match in _CLASS.finditer(text):
        translated.append(text[position : match.start()])
        characters = _POSIX.get(match[1]) or _category(match[1])
        is_inside = _is_inside_class(text[: match.start()])
        translated.append(characters if is_inside else f"[{characters}]")
        position = match.end()
    translated.append(text[position:])
    return re.compile("".join(translated))


def _is_inside_class(text: str) -> bool:
    """Whether the end of the text lies between square brackets."""
    bare = re.sub(r"\\.", "", text)
    return bare.rfind("[") > bare.rfind("]")


@cache
def _category(name: str) -> str:
    """The characters of a Unicode category as ranges of a character class."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(name))


def _ranges(name: str) -> Iterator[tuple[int, int]]:
    members = (
        point for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)).startswith(name)
    )
    for _, run in groupby(enumerate(members), key=lambda pair: pair[1] - pair[0]):
        points = [point for _, point in run]
        yield points[0], points[-1]
