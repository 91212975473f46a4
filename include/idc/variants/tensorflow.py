"""Our Keras network in Amazon's TensorFlow container."""

from __future__ import annotations

from idc import layout
from idc.variants.images import Image
from idc.variants.script import Script
from idc.variants.variant import Runtime

VARIANT = Script(
    name="tensorflow",
    label="TensorFlow",
    algorithm="convolutional network, TensorFlow",
    colour="#b0781a",
    dark_colour="#dda544",
    marker="D",
    order=30,
    estimator="sagemaker.tensorflow.TensorFlow",
    # Our script writes the model to SM_MODEL_DIR; the SDK would add an S3 address as --model_dir.
    estimator_options={"model_dir": False},
    training_image=Image("tensorflow-training", "2.19.0-cpu-py312"),
    inference_image=Image("tensorflow-inference", "2.19.0-cpu"),
    runtime=Runtime("tensorflow", server="tensorflow_server.py"),
    record_format=layout.TFRECORD,
    input_mode="FastFile",
)
