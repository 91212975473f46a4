"""Amazon's image classification by transfer learning, asked for by the SageMaker SDK's `Estimator`."""

from __future__ import annotations

from idc.variants.builtin import NETWORK, PRETRAINED, Builtin
from idc.variants.variant import Transfer

VARIANT = Builtin(
    name="builtin-sdk",
    label="Built-in algorithm, transfer learning",
    colour="#2f8f83",
    dark_colour="#4fb8aa",
    marker="s",
    order=20,
    tuned_like="builtin-lowlevel",
    estimator="sagemaker.estimator.Estimator",
    transfer=Transfer("builtin-lowlevel", NETWORK, PRETRAINED),
)
