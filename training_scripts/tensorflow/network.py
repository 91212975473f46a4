"""The network of the TensorFlow variant, from pixels to probabilities, and the files it is kept in.

Training learns the weights of `PatchNet`. What answers, in validation and in TensorFlow Serving alike, is
`answer`: the same network with each normalisation folded into the convolution before it, which takes half
the time, and with the mean over the views of a patch inside the graph.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from patches import SIDE_PX

PARAMETERS = "model.npz"
DESCRIPTION = "model.json"
GRAPH = "1/saved_model.pb"  # TensorFlow Serving wants a number for a folder: the model's version
FORMAT_VERSION = 1
# The mean and spread of the channels over all patches, rounded; fixed, so that no dataset changes them.
CHANNEL_MEAN, CHANNEL_SPREAD = 180.0, 60.0
EPSILON = 1e-5
BATCH = 64


class Normalisation(keras.layers.Layer):
    """Batch normalisation in one operation: with Keras's own layer an epoch takes a quarter longer.

    After Ioffe and Szegedy (https://arxiv.org/abs/1502.03167); a batch is a tenth of the running figures.
    """

    def build(self, shape):
        """Create a scale, an offset, and the running mean and variance of each channel."""
        for name, start, is_learned in (
            ("gamma", "ones", True),
            ("beta", "zeros", True),
            ("mean", "zeros", False),
            ("variance", "ones", False),
        ):
            weight = self.add_weight(shape=shape[-1:], initializer=start, trainable=is_learned, name=name)
            setattr(self, name, weight)

    def call(self, features, training=False):
        """Return the features normalised by the batch's figures in training, else by the running ones."""
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=features,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.mean.value,
            variance=self.variance.value,
            epsilon=EPSILON,
            exponential_avg_factor=0.1 if training else 1.0,
            is_training=training,
        )
        if training:
            self.mean.assign(mean)
            self.variance.assign(variance)
        return normalised


class PatchNet(keras.Model):
    """Stages of two 3×3 convolutions each, halving the side in between; then the mean over what is left.

    In: (patches, 50, 50, 3) RGB, 0 to 255, of any type. Out: (patches, 2) logits. After Simonyan and
    Zisserman (https://arxiv.org/abs/1409.1556), with batch normalisation, and a mean for their dense layers.
    """

    def __init__(self, widths=(16, 32, 64, 128), dropout=0.3):
        super().__init__(name="patch_net")
        self.steps = []
        for stage, width in enumerate(widths):
            for number in (2 * stage, 2 * stage + 1):
                self.steps += [
                    keras.layers.Conv2D(
                        width,
                        3,
                        padding="same",
                        use_bias=False,
                        kernel_initializer="he_normal",
                        name=f"convolution_{number}",
                    ),
                    Normalisation(name=f"normalisation_{number}"),
                ]
                # The same before ReLU as after it, which then has a quarter of the work.
                if number % 2 and stage < len(widths) - 1:
                    self.steps.append(keras.layers.MaxPooling2D(2))
                self.steps.append(keras.layers.Activation("relu"))
        self.dropout = keras.layers.Dropout(dropout)
        self.classify = keras.layers.Dense(2, name="classify")
        self(np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8))  # Keras makes the weights when it sees a shape

    def call(self, pixels, training=False):
        """Return the logits."""
        features = centred(pixels)
        for step in self.steps:
            features = (
                step(features, training=training) if isinstance(step, Normalisation) else step(features)
            )
        return self.classify(self.dropout(tf.reduce_mean(features, axis=(1, 2)), training=training))

    def named_weights(self):
        """Return every weight by its layer and name, the running figures among them, in a fixed order."""
        layers = [step for step in self.steps if step.weights] + [self.classify]
        return {f"{layer.name}/{weight.name}": weight for layer in layers for weight in layer.weights}


def build(architecture):
    """Return the network of `{"widths": [...], "dropout": ...}`, without learned weights.

    Raises:
        ValueError: these are not settings of this architecture.
    """
    try:
        widths, dropout = [int(width) for width in architecture["widths"]], float(architecture["dropout"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"architecture: {architecture!r}, expected widths and dropout.") from error
    if not (1 <= len(widths) <= 5 and all(1 <= width <= 1024 for width in widths) and 0 <= dropout < 1):
        raise ValueError(f"architecture: {architecture!r}, expected 1 to 5 widths to 1024, dropout below 1.")
    return PatchNet(widths, dropout)


# ------------------------------------------------------------------------------------------------ answers


def centred(pixels):
    """Return pixels as float32 about 0."""
    return (tf.cast(pixels, tf.float32) - CHANNEL_MEAN) / CHANNEL_SPREAD


def fold(arrays):
    """Return the (kernel, offset) of each convolution and of the last layer, from the weights by name."""
    layers = []
    for number in range(sum(name.startswith("convolution_") for name in arrays)):
        norm = {
            name: arrays[f"normalisation_{number}/{name}"] for name in ("gamma", "beta", "mean", "variance")
        }
        scale = norm["gamma"] / np.sqrt(norm["variance"] + EPSILON)
        layers.append((arrays[f"convolution_{number}/kernel"] * scale, norm["beta"] - norm["mean"] * scale))
    return [*layers, (arrays["classify/kernel"], arrays["classify/bias"])]


def views(pixels, count):
    """Return the first `count` of a patch's eight views: tissue has no up, down, left or right."""
    turned = [pixels, pixels[:, ::-1], pixels[:, :, ::-1], pixels[:, ::-1, ::-1]]
    return (turned + [tf.transpose(view, (0, 2, 1, 3)) for view in turned])[:count]


def answer(pixels, layers, view_count):
    """Return (patches, 2) probabilities of (patches, 50, 50, 3) uint8: the mean over the views."""
    *convolutions, (kernel, offset) = layers
    features = tf.concat(views(centred(pixels), view_count), axis=0)
    for number, (filters, bias) in enumerate(convolutions):
        if number and number % 2 == 0:
            features = tf.nn.max_pool2d(features, 2, 2, "VALID")
        features = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(features, filters, 1, "SAME"), bias))
    logits = tf.reduce_mean(features, axis=(1, 2)) @ kernel + offset
    return tf.reduce_mean(tf.reshape(tf.nn.softmax(logits), (view_count, -1, 2)), axis=0)


class Model:
    """Weights ready to answer."""

    def __init__(self, arrays, view_count):
        self.layers = [(tf.constant(kernel), tf.constant(bias)) for kernel, bias in fold(arrays)]
        self.view_count = view_count

    def probabilities(self, pixels):
        """Return (patches, 2) probabilities of (patches, 50, 50, 3) uint8: the mean over the views.

        Raises:
            ArithmeticError: the network's answer is not a number.
        """
        starts = range(0, len(pixels), BATCH)
        answers = [_answer(pixels[at : at + BATCH], self.layers, self.view_count).numpy() for at in starts]
        result = np.concatenate(answers)
        if not np.isfinite(result).all():
            raise ArithmeticError("model: answers NaN, expected probabilities. Train it again.")
        return result


_answer = tf.function(answer, reduce_retracing=True)

# ------------------------------------------------------------------------------------------------ files


def save(folder, arrays, architecture, view_count, training):
    """Write a model's files, the description last: weights by name, and the graph TensorFlow Serving runs."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".draft"
    with draft.open("wb") as file:
        np.savez(file, **arrays)
    draft.replace(folder / PARAMETERS)
    export(folder / GRAPH, arrays, view_count)
    description = {
        "format_version": FORMAT_VERSION,
        "framework": "tensorflow",
        "architecture": architecture,
        "parameters": {"file": PARAMETERS, "sha256": sha256(folder / PARAMETERS)},
        "graph": {"file": GRAPH, "sha256": sha256(folder / GRAPH)},
        "input": "RGB, 0 to 255, at most 50×50, padded with white at the right and below; normalised inside",
        "classes": ["no invasive ductal carcinoma", "invasive ductal carcinoma"],
        "inference": {"views": view_count, "answer": "the mean over flips and right-angle turns"},
        "training": training,
    }
    draft.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(folder / DESCRIPTION)


def export(graph, arrays, view_count):
    """Write a SavedModel with the weights as constants: one file holds all that decides an answer.

    Signatures: `serving_default`, uint8 (patches, 50, 50, 3), and `raw`, the same as 7,500 bytes a patch,
    which JSON carries in a third of the space. Source: https://www.tensorflow.org/tfx/serving/api_rest
    """
    layers = fold(arrays)

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE_PX, SIDE_PX, 3), tf.uint8, name="pixels")])
    def of_pixels(pixels):
        return {"probabilities": answer(pixels, layers, view_count)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="raw")])
    def of_bytes(raw):
        return of_pixels(tf.reshape(tf.io.decode_raw(raw, tf.uint8), (-1, SIDE_PX, SIDE_PX, 3)))

    module, draft = tf.Module(), graph.parent.with_name(".graph")
    module.of_pixels, module.of_bytes = of_pixels, of_bytes
    tf.saved_model.save(module, str(draft), signatures={"serving_default": of_pixels, "raw": of_bytes})
    shutil.rmtree(graph.parent, ignore_errors=True)
    draft.replace(graph.parent)


def load(folder):
    """Return the model kept in `folder`, from its weights; the graph beside them is not run.

    Raises:
        ValueError: a file is missing, differs from its digest, or is of another architecture.
    """
    folder = Path(folder)
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        architecture, view_count = description["architecture"], description["inference"]["views"]
        digests = {
            name: description[part]["sha256"] for part, name in (("parameters", PARAMETERS), ("graph", GRAPH))
        }
        differing = [name for name, digest in digests.items() if sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"model {folder}: {error!r}, expected {DESCRIPTION}, {PARAMETERS}, {GRAPH}."
        ) from error
    if differing:
        raise ValueError(
            f"model {folder}: {differing[0]} is not the one {DESCRIPTION} names. Train it again."
        )
    if view_count not in (1, 4, 8):
        raise ValueError(f"model {folder}: {view_count!r} views, expected 1, 4 or 8.")
    expected = {name: tuple(weight.shape) for name, weight in build(architecture).named_weights().items()}
    with np.load(folder / PARAMETERS, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if {name: array.shape for name, array in arrays.items()} != expected:
        raise ValueError(f"model {folder}: other arrays, expected the weights of {architecture}.")
    return Model(arrays, view_count)


def sha256(path):
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
