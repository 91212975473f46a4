"""Serve the TensorFlow variant: the function that Amazon's TensorFlow Serving container calls.

The container runs TensorFlow Serving with the SavedModel in `/opt/ml/model/1/`, imports this file as
`code/inference.py` and calls `handler` for each request, whose forms are in exchange.py. Pixels pass on to
TensorFlow Serving as bytes in base64: it would be longer at reading nested numbers than at the answer.
Source: https://sagemaker.readthedocs.io/en/v2.257.0/frameworks/tensorflow/deploying_tensorflow_serving.html
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

import exchange
import numpy as np
import patches

MODEL = Path(__file__).resolve().parents[1]
DESCRIPTION = "model.json"
SIGNATURE = "raw"
BATCH = 64
TIMEOUT_S = 60

_own = threading.local()


def handler(data, context):
    """Return the answer to one request and its content type.

    Raises:
        ValueError: the request is not one of the documented forms; says why.
        ArithmeticError: the model answers no number.
    """
    kind = exchange.answer_type(context.accept_header)
    pixels, is_single = exchange.read(data.read(), context.request_content_type)
    return exchange.write(probabilities(pixels, context.rest_uri), is_single, kind), kind


def probabilities(pixels, rest_uri):
    """Return (patches, 2) probabilities of (patches, 50, 50, 3) uint8 from TensorFlow Serving.

    Raises:
        ArithmeticError: the network's answer is not a number.
    """
    rows = []
    for at in range(0, len(pixels), BATCH):
        encoded = [base64.b64encode(patch.tobytes()).decode() for patch in pixels[at : at + BATCH]]
        instances = [{"b64": patch} for patch in encoded]
        rows += predict(rest_uri, {"signature_name": SIGNATURE, "instances": instances})["predictions"]
    result = np.array(rows, dtype=np.float64)
    if not np.isfinite(result).all():
        raise ArithmeticError("model: answers NaN, expected probabilities. Train it again.")
    return result


def predict(rest_uri, request):
    """Return what TensorFlow Serving answers to a request, over a connection that stays open.

    Raises:
        RuntimeError: it refuses.
    """
    address = urlsplit(rest_uri)
    body, headers = json.dumps(request), {"Content-Type": "application/json"}
    connection = getattr(_own, "connection", None)
    if connection is None or (connection.host, connection.port) != (address.hostname, address.port):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        _own.connection = connection
    for is_last in (False, True):
        try:
            connection.request("POST", address.path, body, headers)
            reply = connection.getresponse()
            content = reply.read()
            break
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            # The server may have closed a connection that was idle: nothing is lost by asking once more.
            if is_last or isinstance(error, TimeoutError):
                raise
    if reply.status != http.client.OK:
        raise RuntimeError(f"TensorFlow Serving: {reply.status}, {content[:500].decode('utf-8', 'replace')}")
    return json.loads(content)


def check_model(folder):
    """Raise a ValueError unless the graph is the one its description names."""
    try:
        graph = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["graph"]
        digest = hashlib.sha256((folder / graph["file"]).read_bytes()).hexdigest()
        expected = graph["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"model {folder}: {error!r}, expected {DESCRIPTION} and the graph it names."
        ) from error
    if digest != expected:
        raise ValueError(
            f"model {folder}: {graph['file']} is not the one {DESCRIPTION} names. Train it again."
        )


def warm_up(port, model):
    """Have one patch answered, so that the first caller does not wait for the graph to be made ready."""
    white = np.full((patches.SIDE_PX, patches.SIDE_PX, 3), patches.WHITE, np.uint8)
    instances = [{"b64": base64.b64encode(white).decode()}]
    uri = f"http://localhost:{port}/v1/models/{model}:predict"
    predict(uri, {"signature_name": SIGNATURE, "instances": instances})


# The container has no other call for this: it imports the file once TensorFlow Serving is up, and answers
# /ping only after that. An error here keeps a model that cannot answer from being put into service.
if "TFS_REST_PORTS" in os.environ:
    check_model(MODEL)
    warm_up(os.environ["TFS_REST_PORTS"].split(",")[0], os.environ["TFS_DEFAULT_MODEL_NAME"])
