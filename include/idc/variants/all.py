"""The four variants, in the order in which they are planned and shown."""

from __future__ import annotations

from idc import layout
from idc.errors import ConfigurationError
from idc.variants.builtin import Builtin
from idc.variants.script import Script
from idc.variants.variant import Variant

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Builtin("builtin-lowlevel"),
        Builtin("builtin-sdk", estimator="Estimator"),
        Script("tensorflow", "TensorFlow", record_format=layout.TFRECORD, input_mode="FastFile"),
        Script("mxnet", "MXNet", serving_script="serve.py"),
    )
}


def variant(name: str) -> Variant:
    """Return a variant by its name.

    Raises:
        ConfigurationError: there is none of this name.
    """
    if name not in VARIANTS:
        action = "Correct the trigger form."
        raise ConfigurationError("variant", repr(name), "unknown", f"one of {', '.join(VARIANTS)}", action)
    return VARIANTS[name]
