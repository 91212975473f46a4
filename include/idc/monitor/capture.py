"""Read the endpoint's data capture in S3: one line per invocation.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idc import layout
from idc.evaluate.bootstrap import Floats
from idc.monitor.refusals import Refusals
from idc.monitor.window import Window, instant, source
from idc.storage import ObjectStore

SUM_TOLERANCE = 0.01  # of two probabilities, which servers round
LATE = "00/"  # what is captured before midnight may be written in the first hour after it


@dataclass
class Traffic:
    """What was captured of a production variant; of `files` the first `files_read` were enough.

    `answers` are raw probabilities of class 1, `images` what was measured of each image; a line may lack
    either. `sources` are the slides, and the hours in which patches came alone.
    """

    files: int = 0
    files_read: int = 0
    patches: int = 0
    answers: list[float] = field(default_factory=list)
    images: list[Floats] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    refused: Refusals = field(default_factory=Refusals)


def read(
    store: ObjectStore,
    endpoint: str,
    variant: str,
    window: Window,
    measure: Callable[[bytes], Floats],
    *,
    most: int,
) -> Traffic:
    """Return what was captured of a variant in the window, from whole files until there are `most` patches.

    The files are taken in an order drawn from their names, so that the same are taken each time. `measure`
    raises ValueError for what is no image.
    """
    *prefixes, after = (layout.captured_prefix(endpoint, variant, day) for day in window.names(1))
    prefixes.append(f"{after}{LATE}")
    keys = sorted((key for prefix in prefixes for key in store.keys(prefix)), key=_draw)
    found = Traffic(files=len(keys))
    for key in keys:
        if found.patches >= most:
            break
        found.files_read += 1
        for number, line in enumerate(store.get(key).splitlines(), start=1):
            try:
                _take(found, line, window, measure)
            except (ValueError, TypeError, LookupError, RecursionError) as error:
                found.refused.add(f"{store.uri(key)} line {number}", _said(error))
    return found


def _take(found: Traffic, line: bytes, window: Window, measure: Callable[[bytes], Floats]) -> None:
    record = json.loads(line)
    metadata, sides = record["eventMetadata"], record["captureData"]
    at = instant(metadata["inferenceTime"])
    if not window.holds(at):
        return
    given, answered = _content(sides, "endpointInput"), _content(sides, "endpointOutput")
    if given is None and answered is None:
        raise ValueError("neither input nor output")
    answer = None if answered is None else _probability(answered)
    image = None if given is None else measure(given)
    found.answers += [] if answer is None else [answer]
    found.images += [] if image is None else [image]
    slide, _, tile = str(metadata.get("inferenceId", "")).partition(".")
    found.sources.add(source(slide if tile else "", at))
    found.patches += 1


def _content(sides: Mapping[str, Any], side: str) -> bytes | None:
    """Return the bytes that went in or came out, None where that side is not captured."""
    if side not in sides:
        return None
    data, encoding = sides[side]["data"], sides[side].get("encoding")
    return base64.b64decode(data, validate=True) if encoding == "BASE64" else str(data).encode()


def _probability(answer: bytes) -> float:
    """Return the probability of class 1 in `[p0, p1]`."""
    zero, one = (float(value) for value in json.loads(answer))
    if not (0 <= zero <= 1 and 0 <= one <= 1 and abs(zero + one - 1) < SUM_TOLERANCE):
        raise ValueError(f"the answer {answer[:60].decode(errors='replace')}, expected two probabilities")
    return one


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__


def _draw(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
