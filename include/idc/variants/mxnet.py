"""Our Gluon network in Amazon's MXNet container."""

from __future__ import annotations

from idc.variants.script import Script

VARIANT = Script(
    name="mxnet",
    label="MXNet",
    algorithm="convolutional network, MXNet Gluon",
    colour="#c8553d",
    dark_colour="#e5775f",
    marker="^",
    order=40,
    estimator="MXNet",
    serving_script="serve.py",
)
