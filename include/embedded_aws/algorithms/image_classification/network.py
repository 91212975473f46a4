"""The algorithm's networks: residual networks with pre-activation, one per number of layers.

20 to 110 layers are those of small images, three stages at full, half and quarter resolution; 18 to 200
are those of large ones, four stages behind a stem that quarters the resolution. Every node has a name of
its own, so the symbol of the same settings is the same text.

Source: He et al. (https://arxiv.org/abs/1512.03385, https://arxiv.org/abs/1603.05027)
"""

from __future__ import annotations

from typing import Any

import mxnet as mx

from embedded_aws.algorithms.image_classification.architecture import (
    FIRST_WITH_BOTTLENECKS,
    LARGE,
    SMALL,
    Architecture,
)

BATCH_NORM = {"eps": 2e-5, "momentum": 0.9}
LOGITS = "fc1"

Symbol = Any


def symbol(architecture: Architecture) -> Symbol:
    """The network from `data` (images, channels, height, width), 0 to 255, to its class probabilities."""
    logits = _logits(architecture)
    if architecture.multi_label:
        return mx.sym.sigmoid(logits, name="sigmoid")
    return mx.sym.softmax(logits, name="softmax")


def logits_of(network: Symbol) -> Symbol:
    """The network without its last step."""
    return network.get_internals()[f"{LOGITS}_output"]


def _logits(architecture: Architecture) -> Symbol:
    depth = architecture.num_layers
    data = mx.sym.var("data")
    # The network learns the mean and spread of its input itself.
    body = mx.sym.BatchNorm(data, name="bn_data", fix_gamma=True, **BATCH_NORM)
    if depth in SMALL:
        units, filters = [(depth - 2) // 6] * 3, [16, 32, 64]
        body = _convolution(body, "conv0", 16, kernel=3)
    else:
        units, filters = list(LARGE[depth]), [64, 128, 256, 512]
        body = _convolution(body, "conv0", 64, kernel=7, stride=2)
        body = _activation(body, "bn0", "relu0")
        body = mx.sym.Pooling(body, name="pool0", kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    unit = _bottleneck if depth in LARGE and depth >= FIRST_WITH_BOTTLENECKS else _plain
    for stage, (count, width) in enumerate(zip(units, filters, strict=True), 1):
        for number in range(1, count + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            body = unit(body, f"stage{stage}_unit{number}", width, stride, is_first=number == 1)
    body = _activation(body, "bn1", "relu1")
    # The mean by name: the backward pass of global pooling takes as long as half a network.
    return mx.sym.FullyConnected(
        mx.sym.mean(body, axis=(2, 3), name="pool1"), name=LOGITS, num_hidden=architecture.num_classes
    )


def _plain(body: Symbol, name: str, width: int, stride: int, is_first: bool) -> Symbol:
    """Two convolutions beside a shortcut."""
    active = _activation(body, f"{name}_bn1", f"{name}_relu1")
    inner = _convolution(active, f"{name}_conv1", width, kernel=3, stride=stride)
    inner = _activation(inner, f"{name}_bn2", f"{name}_relu2")
    inner = _convolution(inner, f"{name}_conv2", width, kernel=3)
    return _joined(body, active, inner, name, width, stride, is_first)


def _bottleneck(body: Symbol, name: str, width: int, stride: int, is_first: bool) -> Symbol:
    """A convolution between two that narrow and widen, beside a shortcut."""
    active = _activation(body, f"{name}_bn1", f"{name}_relu1")
    inner = _convolution(active, f"{name}_conv1", width, kernel=1)
    inner = _activation(inner, f"{name}_bn2", f"{name}_relu2")
    inner = _convolution(inner, f"{name}_conv2", width, kernel=3, stride=stride)
    inner = _activation(inner, f"{name}_bn3", f"{name}_relu3")
    inner = _convolution(inner, f"{name}_conv3", 4 * width, kernel=1)
    return _joined(body, active, inner, name, 4 * width, stride, is_first)


def _joined(
    body: Symbol, active: Symbol, inner: Symbol, name: str, width: int, stride: int, is_first: bool
) -> Symbol:
    """What the convolutions made, added to the input or, where the shape changes, to its projection."""
    shortcut = _convolution(active, f"{name}_sc", width, kernel=1, stride=stride) if is_first else body
    return mx.sym.elemwise_add(inner, shortcut, name=f"{name}_plus")


def _activation(body: Symbol, norm: str, relu: str) -> Symbol:
    normed = mx.sym.BatchNorm(body, name=norm, fix_gamma=False, **BATCH_NORM)
    return mx.sym.Activation(normed, name=relu, act_type="relu")


def _convolution(body: Symbol, name: str, width: int, kernel: int, stride: int = 1) -> Symbol:
    return mx.sym.Convolution(
        body,
        name=name,
        num_filter=width,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(kernel // 2, kernel // 2),
        no_bias=True,
    )
