"""The built-in twin by itself: `builtin_alone.py <function>`, include on PYTHONPATH; JSON in, JSON out."""

import json
import sys
import time
from pathlib import Path

import mxnet as mx
import numpy as np

from embedded_aws.algorithms.image_classification import (
    data,
    hyperparameters,
    images,
    learning,
    model as artifact,
    serve,
)
from embedded_aws.algorithms.image_classification.batches import Batch
from embedded_aws.algorithms.image_classification.images import Geometry

AT_ONCE = 64


def bare(batch, warm_up, steps, parameters):
    """Return images per second of forward, backward and update on patches that are in memory already."""
    rng = np.random.default_rng(0)
    read = hyperparameters.parse(parameters)
    pixels = rng.integers(0, 256, (batch, *read.image_shape)).astype(np.float32)
    held = Batch(pixels, np.eye(2, dtype=np.float32)[rng.integers(0, 2, batch)])
    net = learning.Network(learning.initial(read), batch, read)
    for step in range(warm_up + steps):
        if step == warm_up:
            mx.nd.waitall()
            started = time.perf_counter()
        net.learn(held)
    mx.nd.waitall()
    return batch * steps / (time.perf_counter() - started)


def in_process(model, requests, calls):
    """Return for each request (file, content type) the seconds of calls of the model's serving function."""
    served, seconds = serve.model_fn(model), []
    for file, content_type in requests:
        body = Path(file).read_bytes()
        times = []
        for _ in range(1 + calls):
            started = time.perf_counter()
            serve.transform_fn(served, body, content_type, "application/json")
            times.append(time.perf_counter() - started)
        seconds.append(times[1:])
    return seconds


def answers(model, folder):
    """Return the name, label and probability of class 1 of every patch of a shard, as `serve` answers."""
    loaded, [shard] = artifact.load(Path(model)), Path(folder).glob("*.rec")
    geometry = Geometry(*loaded.architecture.image_shape[1:], loaded.resize)
    lines = [line.split("\t") for line in shard.with_suffix(".lst").read_text().splitlines()]
    records = data.RecordFiles(shard.parent, [shard]).examples(None)
    pixels = np.stack([images.centred(record.encoded, geometry) for record in records])
    network = learning.Network(loaded, AT_ONCE)
    chance = np.concatenate(
        [
            network.answer(pixels[at : at + AT_ONCE].transpose(0, 3, 1, 2).astype(np.float32))[:, 1]
            for at in range(0, len(pixels), AT_ONCE)
        ]
    )
    return [(name, int(label), float(one)) for one, (_, label, name) in zip(chance, lines, strict=True)]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.load(sys.stdin))))
