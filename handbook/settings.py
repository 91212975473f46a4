"""The page of settings, from the pydantic classes that read them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal

import annotated_types
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

import embedded_aws.settings
import idc.settings
import stack.settings
from handbook.markdown import ROOT, code, first_sentence, table
from idc.variants.all import VARIANTS

_HEAD = ("variable", "default", "takes", "meaning")
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def pages() -> dict[str, str]:
    """Return the page."""
    parts = [
        "# Settings",
        (
            "Every setting is an environment variable. What is wrong or missing is reported all at once, by "
            "name, and secrets print as `***`. This page is made from the classes that read them."
        ),
    ]
    for kind in kinds():
        rows = [_row(kind, name, field, default) for name, field, default in _fields(kind)]
        parts += [f"## {_title(kind)}", first_sentence(kind.__doc__), table(_HEAD, rows)]
    parts += [
        "## Embedded AWS",
        "[What each means](../embedded-aws.md#commands). `make up` sets those it needs.",
        table(("variable", "default"), _embedded_aws()),
    ]
    return {"reference/settings.md": "\n\n".join(parts)}


def kinds() -> list[type[BaseSettings]]:
    """Return every class of settings, those of the pipeline first."""
    found = [
        kind
        for module in (idc.settings, stack.settings)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.__module__ == module.__name__
    ]
    bases = {base for kind in found for base in kind.__mro__[1:]}  # what a class inherits is among its own
    return [kind for kind in dict.fromkeys(found) if kind not in bases]


def variables(kind: type[BaseSettings]) -> Iterator[str]:
    """Yield the names of all variables a class of settings reads."""
    for name, field, _ in _fields(kind):
        yield from _variables(kind, name, field)


def _fields(kind: type[BaseSettings]) -> Iterator[tuple[str, FieldInfo, object]]:
    """Yield name, field and default, each default made from the ones before where it follows from them."""
    data: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if name == "images":
            yield from _images()
            continue
        default = (
            None if field.is_required() else field.get_default(call_default_factory=True, validated_data=data)
        )
        data[name] = default
        yield name, field, default


def _images() -> Iterator[tuple[str, FieldInfo, object]]:
    """Yield the settings of the variants' images, each once."""
    used = [image for one in VARIANTS.values() for image in (one.training_image, one.inference_image)]
    for setting, image in {image.setting: image for image in used}.items():
        about = FieldInfo(
            annotation=str, validation_alias=AliasChoices(setting), description="the URI of a container image"
        )
        yield setting, about, image.amazons("us-east-1")


def _row(kind: type[BaseSettings], name: str, field: FieldInfo, default: object) -> tuple[str, ...]:
    variables = "<br>".join(code(variable) for variable in _variables(kind, name, field))
    shown = "**required**" if field.is_required() else _shown(default)
    return variables, shown, _bounds(field), (field.description or "").replace("<", "&lt;")


def _variables(kind: type[BaseSettings], name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or f"{kind.model_config.get('env_prefix', '')}{name}").upper()]


def _shown(value: object) -> str:
    if value is None or value in ((), ""):
        return ""
    if isinstance(value, Path):
        return code(str(value).replace(f"{ROOT}/", ""))
    return code(value)


def _bounds(field: FieldInfo) -> str:
    choices = list(_choices(field.annotation))
    if choices:
        return ", ".join(code(choice) for choice in choices)
    marks = [*field.metadata, *_nested(field.annotation)]
    signs = [
        f"{sign} {getattr(mark, name)}"
        for mark in marks
        for name, sign in _SIGNS.items()
        if isinstance(mark, annotated_types.BaseMetadata) and getattr(mark, name, None) is not None
    ]
    patterns = [code(pattern) for mark in marks if (pattern := getattr(mark, "pattern", None))]
    return ", ".join(signs) or " ".join(patterns) or _kind(field.annotation)


def _choices(annotation: Any) -> Iterator[object]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    elif typing.get_origin(annotation) is not None:
        for argument in typing.get_args(annotation):
            yield from _choices(argument)


def _nested(annotation: Any) -> list[Any]:
    """Return the marks of `X` in `X | None`, where X is annotated."""
    return [mark for part in typing.get_args(annotation) for mark in getattr(part, "__metadata__", ())]


def _kind(annotation: Any) -> str:
    if isinstance(annotation, UnionType):
        return _kind(next(part for part in typing.get_args(annotation) if part is not type(None)))
    names = {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "bool": "`true`, `false`",
        "Path": "a path",
    }
    return names.get(getattr(annotation, "__name__", ""), "text")


def _title(kind: type[BaseSettings]) -> str:
    words = {"Settings": "Pipeline", "StackSettings": "Local stack", "ApiSettings": "REST API"}
    return words.get(kind.__name__, kind.__name__)


def _embedded_aws() -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(embedded_aws.settings.Settings):
        default = "" if field.default is dataclasses.MISSING else _shown(field.default)
        yield code(f"{embedded_aws.settings.VARIABLE_PREFIX}{field.name.upper()}"), default
