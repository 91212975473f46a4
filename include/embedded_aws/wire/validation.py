"""Validates requests against the service model, with the service's own messages.

One checker is built per shape and kept. A request is walked once and all violations are reported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from embedded_aws.wire.faults import SerializationException, ValidationException
from embedded_aws.wire.patterns import compiled

Check = Callable[[Any, str, list[str]], None]

_JSON_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "String"),
    "integer": ((int,), "Integer"),
    "long": ((int,), "Long"),
    "float": ((int, float), "Float"),
    "double": ((int, float), "Double"),
    "boolean": ((bool,), "Boolean"),
    "timestamp": ((int, float, str), "Timestamp"),
    "blob": ((str, bytes), "Blob"),
    "list": ((list,), "List"),
    "map": ((dict,), "Map"),
    "structure": ((dict,), "Structure"),
}


class Validator:
    """Validates the inputs of one service."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def validate(self, value: Any, shape: Shape) -> None:
        """Raise unless the value is a valid input of the shape.

        Raises:
            SerializationException: a member is of another JSON type.
            ValidationException: a constraint is violated; all violations are named.
        """
        violations: list[str] = []
        self._check_of(shape)(value, "", violations)
        if violations:
            noun = "error" if len(violations) == 1 else "errors"
            raise ValidationException(
                f"{len(violations)} validation {noun} detected: " + "; ".join(violations)
            )

    def _check_of(self, shape: Shape) -> Check:
        """The shape's checker; one that refers to itself is looked up when it runs."""
        if shape.name not in self._checks:
            self._checks[shape.name] = lambda value, at, found: self._checks[shape.name](value, at, found)
            self._checks[shape.name] = self._built(shape)
        return self._checks[shape.name]

    def _built(self, shape: Shape) -> Check:
        inner: Check = _nothing
        if isinstance(shape, StructureShape):
            inner = self._structure(shape)
        elif isinstance(shape, ListShape):
            inner = self._list(shape)
        elif isinstance(shape, MapShape):
            inner = self._map(shape)
        constraints = _constraints(shape)
        types, type_name = _JSON_TYPES[shape.type_name]
        is_whole = bool not in types

        def check(value: Any, at: str, found: list[str]) -> None:
            if not isinstance(value, types) or (is_whole and isinstance(value, bool)):
                place = f"{_json_name(value)} at '{at or 'request'}'"
                raise SerializationException(f"{place} can not be converted to {_article(type_name)}")
            for is_met, sentence in constraints:
                if not is_met(value):
                    found.append(_violation(value, at, sentence))
            inner(value, at, found)

        return check

    def _structure(self, shape: StructureShape) -> Check:
        required = list(shape.required_members)
        members = {name: self._check_of(member) for name, member in shape.members.items()}
        is_union = bool(getattr(shape, "is_tagged_union", False))

        def check(value: dict[str, Any], at: str, found: list[str]) -> None:
            present = {name: inner for name, inner in value.items() if inner is not None}
            for name in required:
                if name not in present:
                    found.append(_violation(None, _path(at, name), "Member must not be null"))
            for name, inner in present.items():
                if name not in members:
                    known = ", ".join(sorted(members)) or "none"
                    sentence = f"Member is unknown, expected one of: [{known}]"
                    found.append(_violation(inner, _path(at, name), sentence))
                else:
                    members[name](inner, _path(at, name), found)
            if is_union and len(present) != 1:
                found.append(_violation(value, at, "Exactly one member must be set"))

        return check

    def _list(self, shape: ListShape) -> Check:
        member = self._check_of(shape.member)

        def check(value: list[Any], at: str, found: list[str]) -> None:
            for number, element in enumerate(value, start=1):
                member(element, f"{at}.{number}.member", found)

        return check

    def _map(self, shape: MapShape) -> Check:
        keys, values = _constraints(shape.key), _constraints(shape.value)
        key_check, value_check = self._check_of(shape.key), self._check_of(shape.value)
        is_scalar = not isinstance(shape.value, (StructureShape, ListShape, MapShape))

        def check(value: dict[str, Any], at: str, found: list[str]) -> None:
            for key, inner in value.items():
                key_check(key, f"{at}.key", [])
                if not all(is_met(key) for is_met, _ in keys):
                    found.append(_violation(value, at, f"Map keys must satisfy constraint: {_all(keys)}"))
                    return
                nested: list[str] = []
                value_check(inner, f"{at}.{key}", nested)
                if nested and is_scalar:
                    found.append(_violation(value, at, f"Map value must satisfy constraint: {_all(values)}"))
                    return
                found.extend(nested)

        return check


def _constraints(shape: Shape) -> list[tuple[Callable[[Any], bool], str]]:
    """The shape's own constraints: a predicate and the service's sentence for it."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    options, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    is_number = shape.type_name in ("integer", "long", "float", "double")
    size: Callable[[Any], Any] = (lambda value: value) if is_number else len
    noun = "value" if is_number else "length"
    found: list[tuple[Callable[[Any], bool], str]] = []
    if options:
        allowed = frozenset(options)
        found.append(
            (lambda value: value in allowed, f"Member must satisfy enum value set: [{', '.join(options)}]")
        )
    if high is not None:
        found.append(
            (lambda value: size(value) <= high, f"Member must have {noun} less than or equal to {high}")
        )
    if low is not None:
        found.append(
            (lambda value: size(value) >= low, f"Member must have {noun} greater than or equal to {low}")
        )
    if pattern:
        sentence = f"Member must satisfy regular expression pattern: {pattern}"
        found.append((lambda value: compiled(pattern).fullmatch(value) is not None, sentence))
    return found


def _nothing(value: Any, at: str, found: list[str]) -> None:
    """The check of a shape without members."""


def _all(constraints: list[tuple[Callable[[Any], bool], str]]) -> str:
    return "[" + ", ".join(sentence for _, sentence in constraints) + "]"


def _violation(value: Any, at: str, sentence: str) -> str:
    shown = f"Value {'null' if value is None else repr_of(value)}"
    return f"{shown} at '{at}' failed to satisfy constraint: {sentence}"


def repr_of(value: Any) -> str:
    """A value as the service quotes it: Java's toString in single quotes."""
    return f"'{_java(value)}'"


def _java(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_java(inner) for inner in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _path(at: str, name: str) -> str:
    """The service names members with a small first letter."""
    member = name[:1].lower() + name[1:]
    return f"{at}.{member}" if at else member


def _json_name(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    names: list[tuple[type, str]] = [(str, "STRING_VALUE"), (dict, "START_OBJECT"), (list, "START_ARRAY")]
    return next((name for kind, name in names if isinstance(value, kind)), "NUMBER_VALUE")


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
