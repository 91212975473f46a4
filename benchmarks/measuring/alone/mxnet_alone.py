"""MXNet by itself: `mxnet_alone.py <function>`, training_scripts/mxnet on PYTHONPATH; JSON in, JSON out."""

import json
import sys
import time
from pathlib import Path

import mxnet as mx
import network
import numpy as np
import records
import serve
from mxnet import autograd, gluon


def bare(batch, warm_up, steps):
    """Return images per second of forward, backward and update on patches that are in memory already."""
    rng = np.random.default_rng(0)
    pixels = mx.nd.array(rng.integers(0, 256, (batch, 50, 50, 3)), dtype="uint8")
    labels = mx.nd.array(rng.integers(0, 2, batch))
    net = network.PatchNet()
    net.initialize(mx.init.MSRAPrelu(slope=0))
    net.hybridize(static_alloc=True, static_shape=True)
    settings = {"learning_rate": 0.05, "momentum": 0.9, "wd": 5e-4}
    trainer, loss = gluon.Trainer(net.collect_params(), "nag", settings), gluon.loss.SoftmaxCrossEntropyLoss()
    for step in range(warm_up + steps):
        if step == warm_up:
            mx.nd.waitall()
            started = time.perf_counter()
        with autograd.record():
            losses = loss(net(pixels), labels)
        losses.backward()
        trainer.step(batch)
    mx.nd.waitall()
    return batch * steps / (time.perf_counter() - started)


def in_process(model, requests, calls):
    """Return for each request (file, content type) the seconds of calls of the model's serving function."""
    served, seconds = serve.model_fn(model), []
    for file, content_type in requests:
        body = Path(file).read_bytes()
        serve.transform_fn(served, body, content_type, "application/json")
        times = []
        for _ in range(calls):
            started = time.perf_counter()
            serve.transform_fn(served, body, content_type, "application/json")
            times.append(time.perf_counter() - started)
        seconds.append(times)
    return seconds


def answers(model, folder):
    """Return the name, label and probability of class 1 of every patch of a split."""
    split = records.read_split(folder)
    probability = network.load(model).probabilities(split.images)[:, 1]
    return list(zip(split.names, split.labels.tolist(), probability.tolist(), strict=True))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.load(sys.stdin))))
