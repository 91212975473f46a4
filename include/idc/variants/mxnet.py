"""Our Gluon network in Amazon's MXNet container."""

from __future__ import annotations

from dataclasses import replace

from idc.variants.images import Image
from idc.variants.script import FIELDS, Script
from idc.variants.variant import Runtime

VARIANT = Script(
    name="mxnet",
    label="MXNet",
    algorithm="convolutional network, MXNet Gluon",
    colour="#c8553d",
    dark_colour="#e5775f",
    marker="^",
    order=40,
    estimator="sagemaker.mxnet.MXNet",
    training_image=Image("mxnet-training", "1.9.0-cpu-py38"),
    inference_image=Image("mxnet-inference", "1.9.0-cpu-py38"),
    runtime=Runtime("mxnet"),
    fields=(replace(FIELDS[0], setting="mxnet_epochs"), *FIELDS[1:]),
    serving_script="serve.py",
)
