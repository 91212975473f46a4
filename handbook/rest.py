"""`python -m handbook.rest`: print the REST API's page and its OpenAPI document, from the application itself.

Runs in the API's own environment, which holds nothing of Airflow.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from handbook.markdown import code, table

Schema = dict[str, Any]


def main() -> int:
    """Print the pages as JSON, by path."""
    document = openapi()
    pages = {
        "reference/rest-api.md": page(document),
        "reference/openapi.json": json.dumps(document, indent=2),
    }
    json.dump(pages, sys.stdout)
    return 0


def openapi() -> Schema:
    """Return the OpenAPI document of the application with its default settings."""
    from idc.serving.api import create_app
    from idc.settings import ApiSettings

    with tempfile.TemporaryDirectory() as home:
        document: Schema = create_app(ApiSettings(home=home, bucket="histoflow")).openapi()
    return document


def page(document: Schema) -> str:
    """Return the page: every operation, then every schema."""
    parts = [
        "# REST API",
        document["info"].get("description", ""),
        "Made from the application's [OpenAPI document](openapi.json), which it serves at `/openapi.json`.",
    ]
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in dict.fromkeys(_tag(operation) for _, _, operation in operations):
        parts.append(f"## {tag.capitalize()}")
        for method, path, operation in operations:
            if _tag(operation) == tag:
                parts += list(_operation(method, path, operation))
    parts.append("## Schemas")
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        parts += list(_schema(name, schema))
    return "\n\n".join(part for part in parts if part)


def _tag(operation: Schema) -> str:
    return str((operation.get("tags") or ["other"])[0])


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    summary, description = operation.get("summary", ""), operation.get("description", "")
    yield "\n\n".join(text for text in (f"**{summary}**", description) if text.strip("*"))
    if schemes := [name for entry in operation.get("security", []) for name in entry]:
        yield f"Needs {' or '.join(code(name) for name in schemes)}."
    if parameters := operation.get("parameters"):
        yield table(("parameter", "in", "takes", "meaning"), [_parameter(found) for found in parameters])
    if body := operation.get("requestBody"):
        yield table(("body", "schema"), list(_contents(body.get("content", {}))))
    rows = [
        (code(status), answer.get("description", ""), _listed(answer.get("content", {})))
        for status, answer in operation.get("responses", {}).items()
    ]
    yield table(("answer", "when", "body"), rows)


def _parameter(parameter: Schema) -> tuple[str, ...]:
    name = code(parameter["name"]) + (" (required)" if parameter.get("required") else "")
    return name, parameter["in"], _type(parameter.get("schema", {})), parameter.get("description", "")


def _contents(contents: Schema) -> Iterator[tuple[str, str]]:
    for kind, content in contents.items():
        yield code(kind), _type(content["schema"]) if content.get("schema") else ""


def _listed(contents: Schema) -> str:
    return "<br>".join(f"{kind} {schema}".strip() for kind, schema in _contents(contents))


def _schema(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name} {{ #schema-{name.lower()} }}"
    yield schema.get("description", "")
    required = schema.get("required", [])
    rows = [
        (code(member), _type(about), "yes" if member in required else "", about.get("description", ""))
        for member, about in schema.get("properties", {}).items()
    ]
    yield table(("member", "is", "always there", "meaning"), rows) if rows else _type(schema)


def _type(schema: Schema) -> str:
    """Return a schema in a few words, with a link where it has a name."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#schema-{name.lower()})"
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return " or ".join(dict.fromkeys(_type(part) for part in schema[joined]))
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return ", ".join(code(json.dumps(choice)) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = str(schema.get("type", "anything"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


if __name__ == "__main__":
    sys.exit(main())
