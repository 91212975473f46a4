"""Serve the MXNet variant: the functions that Amazon's MXNet inference container calls.

In, by content type: `application/x-image`, one PNG or JPEG → `[p0, p1]`; `application/json`, a list of images
as nested lists, and `application/x-npy`, an array, both (patches, height, width, 3), whole numbers from 0 to
255, at most 50×50 → `[[p0, p1], …]`. p1 is the probability of invasive ductal carcinoma.
Source: https://sagemaker.readthedocs.io/en/v2.257.0/frameworks/mxnet/using_mxnet.html#serve-an-mxnet-model
"""

from __future__ import annotations

import io
import json

import network
import numpy as np
import patches

JSON = "application/json"
MOST_PATCHES = 4096


def model_fn(model_dir):
    """Return the model, warm: a first patch has gone through it.

    Raises:
        ValueError: the folder does not hold a model of this architecture.
    """
    model = network.load(model_dir)
    model.warm_up()
    return model


def transform_fn(model, data, content_type, accept):
    """Return the answer to one request and its content type.

    Raises:
        ValueError: the request is not one of the documented forms; says why.
        ArithmeticError: the model answers no number.
    """
    if accept and not any(kind in accept for kind in (JSON, "application/*", "*/*")):
        raise ValueError(f"accept: {accept}, expected {JSON}")
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind == "application/x-image":
        answer = model.probabilities(patches.decode(bytes(data))[None])[0]
    elif kind == JSON:
        answer = model.probabilities(read_json(data))
    elif kind == "application/x-npy":
        answer = model.probabilities(read_npy(bytes(data)))
    else:
        raise ValueError(f"content type: {kind}, expected application/x-image, {JSON} or application/x-npy")
    return json.dumps(answer.astype(float).round(6).tolist()), JSON


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
