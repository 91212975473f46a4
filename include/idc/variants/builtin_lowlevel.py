"""Amazon's image classification by full training, asked for member by member."""

from __future__ import annotations

from idc.variants.builtin import Builtin

VARIANT = Builtin(
    name="builtin-lowlevel",
    label="Built-in algorithm, full training",
    colour="#3d7ea6",
    dark_colour="#5aa2cf",
    marker="o",
    order=10,
)
