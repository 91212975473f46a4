"""Our Keras network in Amazon's TensorFlow container."""

from __future__ import annotations

from idc import layout
from idc.variants.script import Script

VARIANT = Script(
    name="tensorflow",
    label="TensorFlow",
    algorithm="convolutional network, TensorFlow",
    colour="#b0781a",
    dark_colour="#dda544",
    marker="D",
    order=30,
    estimator="TensorFlow",
    record_format=layout.TFRECORD,
    input_mode="FastFile",
)
