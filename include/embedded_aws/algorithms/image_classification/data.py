"""The channels of a job as labelled images, epoch after epoch, with bounded memory.

Files of records, images with a list, a pipe of records, and a pipe of an augmented manifest's images and
labels all give the same: an encoded image, its labels, and where it came from.
"""

from __future__ import annotations

import io
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedded_aws.algorithms.image_classification import recordio
from embedded_aws.algorithms.image_classification.failures import CustomerError

RECORDS = "application/x-recordio"
IMAGES = ("application/x-image", "image/jpeg", "image/png")
MULTI_HOT, CLASS_ID = "multi-hot", "class-id"
MIXED_BYTES = 64 * 2**20  # of a pipe, which can only be read in its order
LIST_COLUMNS = 3

Generator = np.random.Generator


@dataclass(frozen=True)
class Example:
    """One encoded image, its labels as they were given, and its place for errors."""

    encoded: bytes
    labels: tuple[float, ...]
    place: str


class Source(ABC):
    """A channel's images."""

    label_format = MULTI_HOT

    @abstractmethod
    def examples(self, rng: Generator | None) -> Iterator[Example]:
        """The images of the next epoch, in random order if there is a generator.

        Raises:
            CustomerError: the data is not what it should be.
        """


class RecordFiles(Source):
    """The .rec files of a directory; only the places of their records are in memory."""

    def __init__(self, directory: Path, paths: list[Path]) -> None:
        self._paths = paths
        places: list[tuple[int, int, int]] = []
        for number, path in enumerate(paths):
            with path.open("rb") as file:
                places += [(number, *span) for span in recordio.spans(file, _name(directory, path))]
        self._names = [_name(directory, path) for path in paths]
        self._places = np.array(places, dtype=np.int64).reshape(-1, 3)

    def examples(self, rng: Generator | None) -> Iterator[Example]:
        """Every record once."""
        order = np.arange(len(self._places)) if rng is None else rng.permutation(len(self._places))
        files = [path.open("rb") for path in self._paths]
        try:
            for number, begin, end in self._places[order]:
                files[number].seek(begin)
                record = io.BytesIO(files[number].read(end - begin))
                place = f"{self._names[number]}, record at byte {begin}"
                for payload in recordio.payloads(record, place):
                    labels, encoded = recordio.labelled(payload, place)
                    yield Example(encoded, labels, place)
        finally:
            for file in files:
                file.close()


class ImageFiles(Source):
    """Image files of a directory, as a .lst file names them: index, labels and path, between tabs."""

    def __init__(self, directory: Path, listing: Path) -> None:
        self._directory = directory
        lines = listing.read_text(encoding="utf-8").splitlines()
        self._rows = [self._row(listing.name, number, line) for number, line in enumerate(lines, 1) if line]

    def examples(self, rng: Generator | None) -> Iterator[Example]:
        """Every listed image once."""
        order = range(len(self._rows)) if rng is None else rng.permutation(len(self._rows))
        for at in order:
            labels, path = self._rows[at]
            try:
                encoded = (self._directory / path).read_bytes()
            except OSError as error:
                raise CustomerError(
                    f"Image {path}", error.strerror, "a file of its channel", "Correct the .lst file."
                ) from error
            yield Example(encoded, labels, path)

    def _row(self, name: str, number: int, line: str) -> tuple[tuple[float, ...], str]:
        columns = line.rstrip().split("\t")
        try:
            labels = tuple(float(column) for column in columns[1:-1])
        except ValueError:
            labels = ()
        path = Path(columns[-1])
        if len(columns) < LIST_COLUMNS or not labels or path.is_absolute() or ".." in path.parts:
            raise CustomerError(
                f"List {name}", f"line {number}", "index, label and relative path between tabs", "Correct it."
            )
        return labels, columns[-1]


class Pipe(Source):
    """A pipe per epoch; what is read ahead is mixed."""

    def __init__(self, channel: Path) -> None:
        self._channel = channel
        self._epochs = itertools.count()

    def examples(self, rng: Generator | None) -> Iterator[Example]:
        """Everything the next epoch's pipe holds."""
        fifo = self._channel.with_name(f"{self._channel.name}_{next(self._epochs)}")
        with fifo.open("rb") as stream:
            numbered = enumerate(recordio.payloads(stream, f"Channel {self._channel.name}"), 1)
            read = self._examples(numbered)
            yield from read if rng is None else _mixed(read, rng)

    def _examples(self, numbered: Iterator[tuple[int, bytes]]) -> Iterator[Example]:
        for number, payload in numbered:
            place = f"Channel {self._channel.name}, record {number}"
            labels, encoded = recordio.labelled(payload, place)
            yield Example(encoded, labels, place)


class ManifestPipe(Pipe):
    """A pipe of an augmented manifest: of each line the image and then the label, both as records."""

    def __init__(self, channel: Path, label_format: str) -> None:
        super().__init__(channel)
        self.label_format = label_format

    def _examples(self, numbered: Iterator[tuple[int, bytes]]) -> Iterator[Example]:
        for number, encoded in numbered:
            place = f"Channel {self._channel.name}, image {(number + 1) // 2}"
            _, label = next(numbered, (0, b""))
            yield Example(encoded, _manifest_labels(label, place), place)


def open_channel(base: Path, name: str, config: dict[str, dict[str, Any]]) -> Source:
    """The images of a channel, in the form its configuration tells.

    Raises:
        CustomerError: there is no such channel, or its content type or its files are not the algorithm's.
    """
    if name not in config:
        raise CustomerError(f"Channel {name}", "missing", "one of that name", "Add it to InputDataConfig.")
    channel = config[name]
    kind, _, parameter = channel.get("ContentType", "").partition(";")
    directory = base / "input/data" / name
    is_pipe = channel.get("TrainingInputMode") == "Pipe"
    if is_pipe and channel.get("RecordWrapperType") == "RecordIO":
        return ManifestPipe(directory, _label_format(name, parameter))
    if kind.strip() == RECORDS:
        return Pipe(directory) if is_pipe else RecordFiles(directory, _files(directory, ".rec"))
    if kind.strip() in IMAGES and not is_pipe:
        listing_name = f"{name}_lst"
        if listing_name not in config:
            raise CustomerError(
                f"Channel {listing_name}",
                "missing",
                "a .lst file for the images",
                "Add it to InputDataConfig.",
            )
        return ImageFiles(directory, _files(directory.with_name(listing_name), ".lst")[0])
    raise CustomerError(
        f"Channel {name}",
        f"content type {kind!r} in {channel.get('TrainingInputMode', 'File')} mode",
        f"{RECORDS}, or {', '.join(IMAGES)} in File mode",
        "Set ContentType.",
    )


def _files(directory: Path, suffix: str) -> list[Path]:
    found = sorted(path for path in directory.rglob(f"*{suffix}") if path.is_file())
    if not found:
        raise CustomerError(
            f"Channel {directory.name}", f"no {suffix} file", "at least one", "Correct the channel's S3Uri."
        )
    return found


def _name(directory: Path, path: Path) -> str:
    return f"File {path.relative_to(directory.parent)}"


def _label_format(name: str, parameter: str) -> str:
    key, _, value = parameter.strip().partition("=")
    if key and (key, value) not in (("label-format", MULTI_HOT), ("label-format", CLASS_ID)):
        raise CustomerError(
            f"Channel {name}",
            f"content type parameter {parameter.strip()!r}",
            f"label-format={MULTI_HOT} or label-format={CLASS_ID}",
            "Correct ContentType.",
        )
    return value or MULTI_HOT


def _manifest_labels(label: bytes, place: str) -> tuple[float, ...]:
    """A label or a list of labels, as JSON."""
    try:
        value = json.loads(label)
        return tuple(float(item) for item in (value if isinstance(value, list) else [value]))
    except (ValueError, TypeError) as error:
        raise CustomerError(
            place,
            f"label {label[:40]!r}",
            "a number or a list of numbers",
            "Name the image first and the label second in AttributeNames.",
        ) from error


def _mixed(examples: Iterator[Example], rng: Generator) -> Iterator[Example]:
    """The same examples in random order, as far as the memory for those read ahead allows."""
    waiting: list[Example] = []
    held = 0
    for example in examples:
        waiting.append(example)
        held += len(example.encoded)
        if held > MIXED_BYTES:
            at = int(rng.integers(len(waiting)))
            waiting[at], waiting[-1] = waiting[-1], waiting[at]
            held -= len(waiting[-1].encoded)
            yield waiting.pop()
    for at in rng.permutation(len(waiting)):
        yield waiting[at]
