"""Shapes responses by the service model: only its members, timestamps as seconds since the epoch."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def shaped(value: Any, shape: Shape) -> Any:
    """The value with what the shape does not know, and what is null, left out."""
    if isinstance(shape, StructureShape):
        members = shape.members
        return {
            name: shaped(inner, members[name])
            for name, inner in value.items()
            if inner is not None and name in members
        }
    if isinstance(shape, ListShape):
        return [shaped(inner, shape.member) for inner in value]
    if isinstance(shape, MapShape):
        return {name: shaped(inner, shape.value) for name, inner in value.items()}
    if shape.type_name == "timestamp":
        return round(float(value), 3)
    return value
