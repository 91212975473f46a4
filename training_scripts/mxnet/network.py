"""The network of the MXNet variant, from pixels to probabilities, and the files a trained one is kept in.

Training, evaluation and serving build it here and nowhere else. Weights load into this architecture alone:
the .params file holds arrays by name, and names, shapes and digest must be the expected ones.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, nn
from patches import SIDE_PX

PARAMETERS = "model-0000.params"
DESCRIPTION = "model.json"
FORMAT_VERSION = 1
# The mean and spread of the channels over all patches, rounded; fixed, so that no dataset changes them.
CHANNEL_MEAN, CHANNEL_SPREAD = 180.0, 60.0
BATCH = 64


class PatchNet(HybridBlock):
    """Stages of two 3×3 convolutions each, halving the side in between; then the mean over what is left.

    In: (patches, 50, 50, 3) RGB, 0 to 255, of any type. Out: (patches, 2) logits. After Simonyan and
    Zisserman (https://arxiv.org/abs/1409.1556), with batch normalisation, and a mean for their dense layers.
    """

    def __init__(self, widths=(16, 32, 64, 128), dropout=0.3):
        super().__init__()
        self.stages = nn.HybridSequential()
        channels = 3
        for stage, width in enumerate(widths, 1):
            for is_second in (False, True):
                self.stages.add(
                    nn.Conv2D(width, 3, padding=1, use_bias=False, in_channels=channels),
                    nn.BatchNorm(in_channels=width),
                )
                # The same before ReLU as after it, which then has a quarter of the work.
                if is_second and stage < len(widths):
                    self.stages.add(nn.MaxPool2D(2))
                self.stages.add(nn.Activation("relu"))
                channels = width
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Dense(2, in_units=channels)

    def hybrid_forward(self, F, pixels):  # noqa: N803  (Gluon's name)
        """Return the logits."""
        centred = (F.cast(pixels, "float32") - CHANNEL_MEAN) / CHANNEL_SPREAD
        features = self.stages(F.transpose(centred, axes=(0, 3, 1, 2)))
        # The mean by name: the backward pass of GlobalAvgPool2D takes as long as half the network.
        return self.classify(self.dropout(F.mean(features, axis=(2, 3))))


def device():
    """Return the first GPU where there is one, else the CPU."""
    return mx.gpu(0) if mx.context.num_gpus() else mx.cpu()


def views(pixels, count):
    """Yield the first `count` of a patch's eight views: tissue has no up, down, left or right."""
    turned = [pixels, pixels[:, ::-1], pixels[:, :, ::-1], pixels[:, ::-1, ::-1]]
    yield from (turned + [view.transpose(0, 2, 1, 3) for view in turned])[:count]


class Model:
    """A network ready to answer; safe to call from several threads, one at a time."""

    def __init__(self, net, view_count, context):
        net.hybridize(static_alloc=True)
        self.net, self.view_count, self.context = net, view_count, context
        self.lock = threading.Lock()

    def probabilities(self, pixels):
        """Return (patches, 2) probabilities of (patches, 50, 50, 3) uint8: the mean over the views.

        Raises:
            ArithmeticError: the network's answer is not a number.
        """
        with self.lock:
            answers = [self._answer(pixels[at : at + BATCH]) for at in range(0, len(pixels), BATCH)]
        result = np.concatenate(answers)
        if not np.isfinite(result).all():
            raise ArithmeticError("model: answers NaN, expected probabilities. Train it again.")
        return result

    def warm_up(self):
        """Answer once, so that the first caller does not wait for the network to be built."""
        with self.lock:
            self._answer(np.zeros((1, SIDE_PX, SIDE_PX, 3), dtype=np.uint8))

    def _answer(self, pixels):
        stacked = np.concatenate(list(views(pixels, self.view_count)))
        logits = self.net(mx.nd.array(stacked, ctx=self.context, dtype="uint8"))
        return mx.nd.softmax(logits).asnumpy().reshape(self.view_count, len(pixels), 2).mean(axis=0)


def save(folder, net, architecture, view_count, training):
    """Write a model's two files, the description last and each in one step."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{PARAMETERS}"
    net.save_parameters(str(draft))
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    draft.replace(folder / PARAMETERS)
    description = {
        "format_version": FORMAT_VERSION,
        "framework": "mxnet",
        "architecture": architecture,
        "parameters": {"file": PARAMETERS, "sha256": digest},
        "input": "RGB, 0 to 255, at most 50×50, padded with white at the right and below; normalised inside",
        "classes": ["no invasive ductal carcinoma", "invasive ductal carcinoma"],
        "inference": {"views": view_count, "answer": "the mean over flips and right-angle turns"},
        "training": training,
    }
    draft = folder / f".{DESCRIPTION}"
    draft.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(folder / DESCRIPTION)


def load(folder, context=None):
    """Return the model kept in `folder`.

    Raises:
        ValueError: a file is missing, differs from its digest, or is of another architecture.
    """
    folder, context = Path(folder), context or device()
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        architecture, expected = description["architecture"], description["parameters"]["sha256"]
        view_count, parameters = description["inference"]["views"], (folder / PARAMETERS).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"model {folder}: {error!r}, expected {DESCRIPTION} and {PARAMETERS}.") from error
    if hashlib.sha256(parameters).hexdigest() != expected:
        raise ValueError(f"model {folder}: {PARAMETERS} is not the one {DESCRIPTION} names. Train it again.")
    net = build(architecture)
    try:
        net.load_parameters(str(folder / PARAMETERS), ctx=context)
    except (AssertionError, ValueError, mx.MXNetError) as error:
        raise ValueError(f"model {folder}: {error}, expected the weights of {architecture}.") from error
    if view_count not in (1, 4, 8):
        raise ValueError(f"model {folder}: {view_count!r} views, expected 1, 4 or 8.")
    return Model(net, view_count, context)


def build(architecture):
    """Return the network of `{"widths": [...], "dropout": ...}`, without weights.

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
