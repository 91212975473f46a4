"""What the tests do inside the tensorflow environment: `drive.py <scripts>`, a call in JSON a line."""

import base64
import io
import json
import os
import shutil
import sys
import traceback
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import learner
import network
import numpy as np
import records
import tensorflow as tf
import train
from PIL import Image


def generate(rng, label):
    """Return a patch, (50, 50, 3) uint8: class 1 is darker and bluer, with noise that makes it hard."""
    base = np.array([205, 150, 190]) if label == 0 else np.array([165, 110, 175])
    return np.clip(base + rng.normal(0, 35, 3) + rng.normal(0, 25, (50, 50, 3)), 0, 255).astype(np.uint8)


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_splits(folder, splits, labels=(0, 1)):
    """Write splits of generated patches, four patients to a split, in two shards; one patch is small."""
    rng = np.random.default_rng(1)
    for number, (split, count) in enumerate(splits.items()):
        for shard in range(2):
            rows = []
            for at in range(count // 2):
                label = labels[at % len(labels)]
                name = f"{100 + 10 * number + at % 4}_idx5_x{50 * shard + 1}_y{50 * at + 1}_class{label}.png"
                pixels = generate(rng, label)
                rows.append((label, name, encoded(pixels[:42] if at == 5 else pixels)))
            write_shard(Path(folder) / split / f"part-{shard:05d}.tfrecord", rows)


def write_shard(path, rows):
    """Write one shard with TensorFlow's own writer."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for label, name, image in rows:
            image = image if isinstance(image, bytes) else base64.b64decode(image)
            values = {
                "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "image/format": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"png"])),
                "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                "image/filename": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())


def read(folder):
    """Return a split's pixels, labels and names, and the images as they stand in the shards."""
    split = records.read_split(folder)
    images = [
        base64.b64encode(
            tf.train.Example.FromString(record).features.feature["image/encoded"].bytes_list.value[0]
        )
        for shard in sorted(Path(folder).glob("*.tfrecord"))
        for record in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()
    ]
    return {
        "pixels": base64.b64encode(split.images).decode(),
        "labels": split.labels.tolist(),
        "names": split.names,
        "images": [image.decode() for image in images],
    }


def refusals(of, arguments):
    """Return why each call fails, or nothing where it does not."""
    callee = {"load": network.load, "read_split": records.read_split, "read_arguments": train.read_arguments}
    reasons = []
    for argument in arguments:
        try:
            callee[of](argument)
            reasons.append(None)
        except ValueError as error:
            reasons.append(str(error))
    return reasons


def read_hyperparameters(described, arguments=()):
    os.environ["SM_HPS"] = json.dumps(described)
    try:
        read = vars(train.read_arguments(list(arguments)))
    finally:
        del os.environ["SM_HPS"]
    return {name: read[name] for name in train.HYPERPARAMETERS}


def rank_area(labels, scores):
    return train.rank_area(np.array(labels), np.array(scores))


def batches(count, size):
    """Return which patches the batches of an epoch hold, each known by its label."""
    split = records.Split(np.zeros((count, 50, 50, 3), np.uint8), np.arange(count), [])
    rng = np.random.default_rng(3)
    made = train.batches(split, rng.permutation(count), size, (0, 0), rng)
    return [labels.tolist() for _, labels in train.one_ahead(made)]


def one_step(share):
    """Return how far one step is from Nesterov's momentum and the mean of weights computed by hand."""
    tf.keras.utils.set_random_seed(1)
    net = network.build({"widths": [4], "dropout": 0})
    named = net.named_weights()
    before = {name: weight.numpy() for name, weight in named.items()}
    learning = learner.Learner(net, 0.9, 5e-4)
    start = {name: value.numpy() for name, value in zip(named, learning.average, strict=True)}
    rng = np.random.default_rng(0)
    pixels, labels = np.stack([generate(rng, at % 2) for at in range(8)]), np.arange(8) % 2
    importance = np.where(labels == 1, 1.5, 0.75).astype(np.float32)
    weights = [named[name].value for name in ("classify/kernel", "classify/bias")]
    for _ in range(2):
        at = [weight.numpy() for weight in weights]
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, net(pixels, training=True))
            loss = tf.reduce_sum(losses * importance) / 8
        kernel, bias = (gradient.numpy() for gradient in tape.gradient(loss, weights))
        kernel = kernel + 5e-4 * at[0]
        momenta = [value.numpy() for value in learning.momenta[-2:]]
        arguments = (pixels, labels, importance, np.float32(0.1), np.float32(share))
        learning.step(*map(tf.constant, arguments))
        moved = [
            0.9 * momentum - 0.1 * gradient
            for momentum, gradient in zip(momenta, (kernel, bias), strict=True)
        ]
        expected = [
            value + 0.9 * change - 0.1 * gradient
            for value, change, gradient in zip(at, moved, (kernel, bias), strict=True)
        ]
    # The mean is taken before each step: after two it has seen the start twice and the first step's end.
    mean = learning.average[list(named).index("classify/kernel")].numpy()
    by_hand = start["classify/kernel"] + share * (at[0] - start["classify/kernel"])
    return {
        "off": max(
            float(np.abs(weight.numpy() - value).max())
            for weight, value in zip(weights, expected, strict=True)
        ),
        "mean off": float(np.abs(mean - by_hand).max()),
        "moved": float(np.abs(weights[0].numpy() - before["classify/kernel"]).max()),
    }


def compare_folded(model_dir, folder):
    """Return how far what answers is from the network as it was trained, and from the exported graph."""
    images = records.read_split(folder).images[:16]
    description = json.loads((Path(model_dir) / "model.json").read_text())
    net = network.build(description["architecture"])
    with np.load(Path(model_dir) / "model.npz") as file:
        for name, weight in net.named_weights().items():
            weight.assign(file[name])
        folded = network.Model({name: file[name] for name in file.files}, 1).probabilities(images)
    unfolded = tf.nn.softmax(net(images)).numpy()
    averaged = network.load(model_dir).probabilities(images)
    by_hand = np.mean([tf.nn.softmax(net(view)).numpy() for view in network.views(images, 8)], axis=0)
    signatures = tf.saved_model.load(str(Path(model_dir) / "1")).signatures
    pixels = signatures["serving_default"](pixels=tf.constant(images))["probabilities"].numpy()
    raw = signatures["raw"](raw=tf.constant([image.tobytes() for image in images]))["probabilities"].numpy()
    pairs = ((folded, unfolded), (averaged, by_hand), (pixels, averaged), (raw, averaged))
    return [float(np.abs(one - other).max()) for one, other in pairs]


def score(model_dir, folder):
    """Return the probabilities of class 1 that the network itself gives to a split."""
    return network.load(model_dir).probabilities(records.read_split(folder).images)[:, 1].tolist()


def arrays(model_dir):
    """Return the digest of a model's weights."""
    return network.sha256(Path(model_dir) / "model.npz")


def spoil(model_dir, target):
    """Write a model of the same architecture whose weights are not numbers."""
    with np.load(Path(model_dir) / "model.npz") as file:
        weights = {name: np.full_like(file[name], np.nan) for name in file.files}
    description = json.loads((Path(model_dir) / "model.json").read_text())
    network.save(target, weights, description["architecture"], 8, {})
    shutil.copytree(Path(model_dir) / "code", Path(target) / "code")


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what the scripts print is no answer
    for line in sys.stdin:
        function, arguments = json.loads(line)
        try:
            reply = {"result": globals()[function](**arguments)}
        except Exception:  # noqa: BLE001  (the test that asked shows it)
            reply = {"failed": traceback.format_exc()}
        print(json.dumps(reply), file=answers, flush=True)
