"""TensorFlow by itself: `tensorflow_alone.py <function>`, its scripts on PYTHONPATH; JSON in, JSON out."""

import base64
import json
import sys
import time
from pathlib import Path

import exchange
import keras
import network
import numpy as np
import records
import tensorflow as tf


def write(folder, patches):
    """Write one shard of (label, PNG in base64) as the converter would."""
    Path(folder).mkdir(parents=True)
    with tf.io.TFRecordWriter(str(Path(folder) / "part-00000.tfrecord")) as writer:
        for number, (label, encoded) in enumerate(patches):
            values = {
                records.ENCODED: tf.train.BytesList(value=[base64.b64decode(encoded)]),
                records.NAME: tf.train.BytesList(value=[f"1_idx5_x{number}_y1_class{label}.png".encode()]),
            }
            features = {name: tf.train.Feature(bytes_list=value) for name, value in values.items()}
            features[records.LABEL] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def bare(batch, warm_up, steps):
    """Return images per second of forward, backward and update on patches that are in memory already."""
    rng = np.random.default_rng(0)
    pixels = tf.constant(rng.integers(0, 256, (batch, 50, 50, 3), dtype=np.uint8))
    labels = tf.constant(rng.integers(0, 2, batch))
    net = network.PatchNet()
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    optimizer.build(net.trainable_variables)

    @tf.function(autograph=False)
    def learn():
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, net(pixels, training=True))
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True)
        )
        return loss

    for step in range(warm_up + steps):
        if step == warm_up:
            started = time.perf_counter()
        learn().numpy()
    return batch * steps / (time.perf_counter() - started)


def in_process(model, requests, calls):
    """Return for each request (file, content type) the seconds of calls of the loaded model."""
    served, seconds = network.load(model), []
    for file, content_type in requests:
        body = Path(file).read_bytes()
        times = []
        for _ in range(1 + calls):
            started = time.perf_counter()
            pixels, is_single = exchange.read(body, content_type)
            exchange.write(served.probabilities(pixels), is_single, exchange.JSON)
            times.append(time.perf_counter() - started)
        seconds.append(times[1:])
    return seconds


def answers(model, folder):
    """Return the name, label and probability of class 1 of every patch of a split."""
    split = records.read_split(folder)
    probability = network.load(model).probabilities(split.images)[:, 1]
    return list(zip(split.names, split.labels.tolist(), probability.tolist(), strict=True))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.load(sys.stdin))))
