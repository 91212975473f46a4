"""The page of S3 keys: each function of `idc.layout` called with names in place of values."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator

from handbook.markdown import code, first_sentence, table
from idc import layout
from idc.converter import keys
from idc.errors import HistoflowError
from idc.variants.all import VARIANTS

_NUMBER = 7
_DAY = "yyyy-mm-dd"  # some keys have a folder for each part of it
# What an argument may have to look like; the first that the function takes is used.
_STAND_INS = ("name", "digest", "split", "number")


def pages() -> dict[str, str]:
    """Return the page."""
    rows = [
        (code(key), first_sentence(doc).removeprefix("Return ").capitalize(), code(name))
        for name, key, doc in entries()
    ]
    parts = (
        "# S3 layout",
        (
            "Everything is in one bucket, and `include/idc/layout.py` alone knows the keys. A key that ends "
            "with a slash is a prefix. This page is made by calling its functions."
        ),
        table(("key", "what", "function"), rows),
        (
            f"`<variant>` is one of {', '.join(map(code, VARIANTS))}; `<split>` one of "
            f"{', '.join(map(code, layout.SPLITS))}; a digest is a SHA-256 in hexadecimal."
        ),
    )
    return {"reference/layout.md": "\n\n".join(parts)}


def entries() -> list[tuple[str, str, str]]:
    """Return name, key and docstring of every function that makes a key, sorted by key."""
    found = [(name, _key(function), function.__doc__ or "") for name, function in _functions()]
    return sorted(found, key=lambda entry: entry[1])


def _functions() -> Iterator[tuple[str, Callable[..., str]]]:
    for name, function in vars(layout).items():
        is_own = inspect.isfunction(function) and function.__module__ in (layout.__name__, keys.__name__)
        if (
            is_own
            and not name.startswith("_")
            and function.__annotations__["return"] == "str"
            and name != "uri"
        ):
            yield name, function


def _key(function: Callable[..., str]) -> str:
    names = list(inspect.signature(function).parameters)
    for shapes in itertools.product(_STAND_INS, repeat=len(names)):
        values = [
            _value(name, shape, index) for index, (name, shape) in enumerate(zip(names, shapes, strict=True))
        ]
        try:
            key = function(*values)
        except (HistoflowError, TypeError, ValueError, AttributeError):
            continue
        for name, value in zip(names, values, strict=True):
            shown = f"{value:05d}" if isinstance(value, int) else str(value)
            key = key.replace(shown, f"<{name.replace('_', ' ').removesuffix(' name')}>")
        return key
    raise AssertionError(
        f"idc.layout.{function.__name__} takes none of the stand-ins: {', '.join(_STAND_INS)}"
    )


def _value(name: str, shape: str, index: int) -> str | int:
    values: dict[str, str | int] = {
        "name": f"stand-in-{name.replace('_', '-')}",
        "digest": format(index + 10, "x") * 64,
        "split": "validation",
        "number": _NUMBER,
    }
    return _DAY if (name, shape) == ("day", "name") else values[shape]
