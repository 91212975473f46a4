"""A trained model as files, the service's own: parameters by name, the network's symbol, and its input.

Weights load into the algorithm's own networks alone: the symbol is built again from the settings in
`model-shapes.json`, and must be the one in the artifact; names and shapes of all arrays must be its own.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx

from embedded_aws.algorithms.image_classification import network
from embedded_aws.algorithms.image_classification.architecture import LARGE, SMALL, Architecture

NAME = "image-classification"
SYMBOL, SHAPES, ARCHIVE = f"{NAME}-symbol.json", "model-shapes.json", "model.tar.gz"
PARAMETERS = re.compile(rf"{NAME}-([0-9]{{4,}})\.params")
LARGEST_BYTES = 1024 * 2**20
MOST_CLASSES, LARGEST_SIDE_PX = 1_000_000, 4096

Arrays = dict[str, Any]


class BadModel(ValueError):
    """A model's files are not what this algorithm writes."""


@dataclass(frozen=True)
class Model:
    """A network's architecture, what its images are resized to, and its arrays, `arg:…` and `aux:…`."""

    architecture: Architecture
    resize: int | None
    arrays: Arrays


def save(directory: Path, model: Model, epoch: int) -> Path:
    """Write the model of an epoch, counted from 1; each file complete or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    architecture = model.architecture
    shapes = {"name": "data", "shape": [1, *architecture.image_shape], "resize": model.resize}
    decides = {name: getattr(architecture, name) for name in ("num_layers", "num_classes", "multi_label")}
    _write(directory / SHAPES, json.dumps([{**shapes, **decides}]).encode())
    _write(directory / SYMBOL, network.symbol(architecture).tojson().encode())
    path = directory / f"{NAME}-{epoch:04d}.params"
    draft = path.with_name(f".{path.name}")
    mx.nd.save(str(draft), model.arrays)
    draft.replace(path)
    return path


def load(directory: Path) -> Model:
    """The model of the latest epoch in a directory.

    Raises:
        BadModel: a file is missing, is another's or does not belong to the rest.
    """
    return from_files({path.name: path for path in directory.iterdir() if not path.name.startswith(".")})


def from_files(files: Mapping[str, Path]) -> Model:
    """The model of the latest epoch among files by their name in an artifact.

    Raises:
        BadModel: one is missing, is another's or does not belong to the rest.
    """
    epochs = {int(match[1]): files[name] for name in files if (match := PARAMETERS.fullmatch(name))}
    foreign = sorted(set(files) - {SYMBOL, SHAPES} - {path.name for path in epochs.values()})
    missing = sorted({SYMBOL, SHAPES} - set(files))
    if foreign or missing or not epochs or not all(path.is_file() for path in files.values()):
        raise BadModel(f"model: {sorted(files)}, expected {SYMBOL}, {SHAPES} and {NAME}-NNNN.params only")
    architecture, resize = _described(files[SHAPES])
    symbol = network.symbol(architecture)
    if _read(files[SYMBOL]) != json.loads(symbol.tojson()):
        raise BadModel(f"model: {SYMBOL} is not the network {SHAPES} describes, {architecture}")
    return Model(architecture, resize, _arrays(epochs[max(epochs)], symbol, architecture))


def unpack(archive: Path, directory: Path) -> None:
    """Write an artifact's files into a directory; nothing but regular files of the known names.

    Raises:
        BadModel: it holds anything else, or is too large or damaged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    room = LARGEST_BYTES
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as members:
            for member in members:
                name = member.name.removeprefix("./")
                if member.isdir() and name in ("", "."):
                    continue
                is_known = name in (SYMBOL, SHAPES) or PARAMETERS.fullmatch(name)
                room -= member.size
                if not (is_known and member.isreg()) or member.issparse() or room < 0:
                    raise BadModel(
                        f"model: member {member.name!r} of {member.size} bytes, expected regular files "
                        f"{SYMBOL}, {SHAPES} and {NAME}-NNNN.params of {LARGEST_BYTES} bytes in all"
                    )
                content = members.extractfile(member) or io.BytesIO()
                (directory / name).write_bytes(content.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadModel(f"model: {error}, expected a {ARCHIVE} of this algorithm") from error


def without_head(arrays: Arrays) -> Arrays:
    """Return the arrays without those of the last layer, whose classes are another data set's."""
    return {name: array for name, array in arrays.items() if f":{network.LOGITS}_" not in name}


def load_body(path: Path, architecture: Architecture) -> Arrays:
    """Return the arrays of a .params file for this architecture, whatever the classes of its last layer.

    Raises:
        BadModel: the file cannot be read, or is of another network.
    """
    shapes = shapes_of(network.symbol(architecture), architecture)
    return _checked(path, without_head(_read_arrays(path)), without_head(shapes), architecture)


def _described(path: Path) -> tuple[Architecture, int | None]:
    """The architecture and the resize of a model-shapes.json."""
    entry = _read(path)
    try:
        (described,) = entry
        one, *shape = described["shape"]
        channels, height, width = shape
        depth, classes, resize = described["num_layers"], described["num_classes"], described["resize"]
        sides = [height, width, *([] if resize is None else [resize])]
        numbers = [one, channels, depth, classes, *sides]
        is_known = (
            all(type(number) is int for number in numbers)
            and (one, channels) == (1, 3)
            and depth in (*SMALL, *LARGE)
            and 1 <= classes <= MOST_CLASSES
            and all(1 <= side <= LARGEST_SIDE_PX for side in sides)
            and isinstance(described["multi_label"], bool)
        )
    except (KeyError, TypeError, ValueError):
        is_known = False
    if not is_known:
        raise BadModel(f"model: {SHAPES} holds {str(entry)[:200]}, expected this algorithm's description")
    return Architecture(depth, classes, (channels, height, width), described["multi_label"]), resize


def _arrays(path: Path, symbol: Any, architecture: Architecture) -> Arrays:
    """Return the arrays of a .params file, checked against the network."""
    return _checked(path, _read_arrays(path), shapes_of(symbol, architecture), architecture)


def _read_arrays(path: Path) -> Arrays:
    try:
        arrays = mx.nd.load(str(path))
    except mx.MXNetError as error:
        raise BadModel(f"model: {path.name} cannot be read, expected MXNet's arrays") from error
    return arrays if isinstance(arrays, dict) else {}


def _checked(path: Path, arrays: Arrays, shapes: Arrays, architecture: Architecture) -> Arrays:
    """Return arrays in single precision; their names and shapes must be the network's."""
    found = {name: array.shape for name, array in arrays.items()}
    if found != shapes:
        wrong = sorted(name for name in {*found, *shapes} if found.get(name) != shapes.get(name))
        raise BadModel(f"model: {path.name} differs in {', '.join(wrong[:5])} from {architecture}")
    return {name: array.astype("float32") for name, array in arrays.items()}


def shapes_of(symbol: Any, architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a network, by the name it has in a .params file."""
    inputs, _, states = symbol.infer_shape(data=(1, *architecture.image_shape))
    arguments = zip(symbol.list_arguments(), inputs, strict=True)
    auxiliary = zip(symbol.list_auxiliary_states(), states, strict=True)
    shapes = {f"arg:{name}": shape for name, shape in arguments if name != "data"}
    return {**shapes, **{f"aux:{name}": shape for name, shape in auxiliary}}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise BadModel(f"model: {path.name} is no JSON ({error})") from error


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)
