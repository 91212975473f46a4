"""What a model server is asked and what it answers, in one shape whatever the framework.

In, by content type: `application/x-image`, `image/png` or `image/jpeg`, one PNG or JPEG → `[p0, p1]`;
`application/json`, a list of images as nested lists, and `application/x-npy`, an array, both (patches,
height, width, 3), whole numbers from 0 to 255, at most 50×50 → `[[p0, p1], …]`. p1 is the probability of
invasive ductal carcinoma. Out, as accepted: `application/json`, or `application/jsonlines`, for each patch
a line `{"prediction": [p0, p1]}`, as SageMaker's built-in algorithm writes it.
"""

from __future__ import annotations

import io
import json

import numpy as np
import patches

JSON, JSON_LINES, NPY = "application/json", "application/jsonlines", "application/x-npy"
IMAGES = ("application/x-image", "image/png", "image/jpeg")
ANY = ("*/*", "application/*")
MOST_PATCHES = 4096


def answer_type(accept):
    """Return the content type of the answer to a request that accepts `accept`.

    Raises:
        ValueError: it accepts neither JSON nor JSON Lines.
    """
    accepted = [kind.split(";")[0].strip().lower() for kind in (accept or JSON).split(",")]
    for kind in accepted:
        if kind in (JSON, JSON_LINES, *ANY):
            return JSON if kind in ANY else kind
    raise ValueError(f"accept: {accept}, expected {JSON} or {JSON_LINES}")


def read(data, content_type):
    """Return the patches of a request, (patches, 50, 50, 3) uint8, and whether it is one image by itself.

    Raises:
        ValueError: the request is not one of the documented forms; says why.
    """
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind in IMAGES:
        return patches.decode(bytes(data))[None], True
    if kind == JSON:
        return read_json(data), False
    if kind == NPY:
        return read_npy(bytes(data)), False
    raise ValueError(f"content type: {kind}, expected {IMAGES[0]}, {JSON} or {NPY}")


def write(probabilities, is_single, kind):
    """Return the body of an answer of the content type `kind`: (patches, 2) probabilities to six places."""
    rows = probabilities.astype(float).round(6).tolist()
    if kind == JSON_LINES:
        return "".join(json.dumps({"prediction": row}) + "\n" for row in rows)
    return json.dumps(rows[0] if is_single else rows)


def read_json(data):
    """Return nested lists as patches."""
    try:
        pixels = np.array(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"body: {error}, expected a JSON list of images of one size") from error
    if pixels.dtype.kind not in "iu":
        raise ValueError(f"body: values of type {pixels.dtype}, expected whole numbers in images of one size")
    if pixels.size and (pixels.min() < 0 or pixels.max() > 255):
        raise ValueError(f"body: values from {pixels.min()} to {pixels.max()}, expected 0 to 255")
    return checked(pixels.astype(np.uint8))


def read_npy(data):
    """Return an array in NumPy's format as patches; nothing is allocated before its header is believed."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except ValueError as error:
        raise ValueError(f"body: {error}, expected an array in NumPy's format 1.0") from error
    content = stream.getbuffer()[stream.tell() :]
    if dtype != np.uint8:
        raise ValueError(f"body: values of type {dtype}, expected uint8")
    count = 1
    for length in shape:
        count *= length
    if count != len(content):
        raise ValueError(f"body: {len(content)} bytes of pixels, expected {count} for shape {shape}")
    return checked(np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran else "C"))


def checked(pixels):
    """Return (patches, height, width, 3) uint8 as 50×50 patches, or raise a ValueError."""
    if pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"body: shape {pixels.shape}, expected (patches, height, width, 3)")
    if not 1 <= len(pixels) <= MOST_PATCHES:
        raise ValueError(f"body: {len(pixels)} patches, expected 1 to {MOST_PATCHES}")
    patches.check_size(pixels.shape[2], pixels.shape[1])
    return patches.pad(pixels)
