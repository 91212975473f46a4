"""The calls of AWS a part of the code can make, read from the code: `service:Action`, as IAM spells them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

from idc.jobs.spec import JobKind

# What the code calls a client, and so what a method on it is.
CLIENTS = {"api", "client", "conn", "s3", "runtime", "sagemaker", "sns", "cloudwatch", "autoscaling"}
# Requests that IAM knows by other names than the API does.
S3_ACTIONS = {
    "HeadObject": ["GetObject"],
    "ListObjectsV2": ["ListBucket"],
    "ListParts": ["ListMultipartUploadParts"],
    "ListMultipartUploads": ["ListBucketMultipartUploads"],
    "CreateMultipartUpload": ["PutObject"],
    "UploadPart": ["PutObject"],
    "UploadPartCopy": ["GetObject", "PutObject"],
    "CompleteMultipartUpload": ["PutObject"],
    "CopyObject": ["GetObject", "PutObject"],
    "DeleteObjects": ["DeleteObject"],
}
# boto3's own methods that are no operations, and what they send.
TRANSFERS = {
    "copy": ["GetObject", "PutObject"],
    "upload_file": ["PutObject"],
    "upload_fileobj": ["PutObject"],
    "download_file": ["GetObject"],
    "download_fileobj": ["GetObject"],
}
PREFIXES = {"sagemaker-runtime": "sagemaker"}
# The services of a file that makes no client itself: what it is given is one of these.
UNSAID = {"s3", "sagemaker", "sagemaker-runtime"}
NOUNS = [kind.operation for kind in JobKind]


def actions(files: Iterable[Path]) -> set[str]:
    """Return every action the files can call for."""
    trees = [ast.parse(path.read_bytes(), str(path)) for path in files]
    told = [set(_strings(tree)) for tree in trees]
    everywhere = set().union(*told)
    found: set[str] = set()
    for tree, here in zip(trees, told, strict=True):
        methods = set(_methods(tree, here or everywhere))
        services = set(_services(tree)) or UNSAID
        for service in services:
            for method in methods & set(_operations(service)):
                names = _spelled(service, _operations(service)[method])
                found |= {f"{PREFIXES.get(service, service)}:{name}" for name in names}
        if "s3" in services:
            found |= {f"s3:{name}" for method in methods & set(TRANSFERS) for name in TRANSFERS[method]}
    return found


def _spelled(service: str, operation: str) -> list[str]:
    return S3_ACTIONS.get(operation, [operation]) if service == "s3" else [operation]


def _services(tree: ast.AST) -> Iterator[str]:
    """Yield the services that clients are of: `AwsHook("logs")`, `client("s3")`, `super().__init__("…")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "ResourceHook" in map(_name, node.bases):
            yield "sagemaker"
        if isinstance(node, ast.Call) and _name(node.func) in {"AwsHook", "client", "__init__"}:
            for argument in [
                *node.args,
                *(word.value for word in node.keywords if word.arg == "service_name"),
            ]:
                if isinstance(argument, ast.Constant) and argument.value in _known_services():
                    yield str(argument.value)


def _methods(tree: ast.AST, strings: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if isinstance(node.func, ast.Attribute) and _name(node.func.value).lstrip("_") in CLIENTS:
            yield name
        if name in {"get_paginator", "get_waiter"} and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)
        if name == "getattr" and len(node.args) == 2 and _name(node.args[0]).lstrip("_") in CLIENTS:
            yield from _composed(node.args[1], strings)


def _composed(method: ast.expr, strings: set[str]) -> Iterator[str]:
    """Yield what a method's name can come to: its verb joined to each kind of job, or each string."""
    if isinstance(method, ast.JoinedStr) and isinstance(method.values[0], ast.Constant):
        verb, is_job = method.values[0].value, "kind" in ast.unparse(method)
        if isinstance(last := method.values[-1], ast.Constant) and len(method.values) > 1:
            yield from (f"{verb}{noun.removesuffix('_job')}{last.value}" for noun in NOUNS)
        else:
            yield from (f"{verb}{noun}" for noun in (NOUNS if is_job else strings))
    elif isinstance(method, ast.Name):
        yield from (text for text in strings if "_" in text)
    elif isinstance(method, ast.Constant):
        yield str(method.value)


def _strings(tree: ast.AST) -> Iterator[str]:
    """Yield what a hook's methods are told first, such as the resource in `self.ensure("model", …)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            is_hook = _name(node.func.value) in {"self", "hook"}
            if is_hook and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):  # what a client is asked for: `client("s3")`, `self._api()`
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def _known_services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services())


@functools.cache
def _operations(service: str) -> dict[str, str]:
    names = botocore.session.get_session().get_service_model(service).operation_names
    return {xform_name(name): name for name in names}
