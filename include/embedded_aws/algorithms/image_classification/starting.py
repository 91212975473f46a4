"""Where training begins: random weights, those of an earlier model, or pretrained ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from embedded_aws.algorithms.image_classification import learning, model
from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import Hyperparameters
from embedded_aws.algorithms.image_classification.model import BadModel, Model

CHANNEL = "model"
PRETRAINED = "IMAGE_CLASSIFICATION_PRETRAINED"  # a directory with a model's files in resnet-<num_layers>/
DECIDES = ("num_layers", "image_shape", "num_classes", "multi_label")


def model_of(
    base: Path, parameters: Hyperparameters, channels: Mapping[str, object], environment: Mapping[str, str]
) -> Model:
    """The weights training begins with.

    Raises:
        CustomerError: those asked for are not there or are of another network.
    """
    fresh = learning.initial(parameters)
    if parameters.use_pretrained_model:
        return _transferred(fresh, _pretrained(base, parameters, channels, environment))
    if CHANNEL not in channels:
        return fresh
    earlier = _from_channel(base)
    _check_same(earlier, fresh, DECIDES)
    return replace(fresh, arrays=earlier.arrays)


def _pretrained(
    base: Path, parameters: Hyperparameters, channels: Mapping[str, object], environment: Mapping[str, str]
) -> Model:
    if CHANNEL in channels:
        return _from_channel(base)
    folder = environment.get(PRETRAINED, "")
    path = Path(folder) / f"resnet-{parameters.num_layers}"
    if not folder or not path.is_dir():
        raise CustomerError(
            "Hyperparameter use_pretrained_model",
            f"'1', and no weights for {parameters.num_layers} layers are here",
            f"a model's files in resnet-{parameters.num_layers} below the directory that {PRETRAINED} names "
            f"in the runtime's environment, or a channel {CHANNEL!r}",
            "Provide one, or set use_pretrained_model to 0 for full training.",
        )
    return _loaded(path, f"Weights {path.name}")


def _from_channel(base: Path) -> Model:
    directory = base / "input/data" / CHANNEL
    archive = directory / model.ARCHIVE
    if not archive.is_file():
        raise CustomerError(
            f"Channel {CHANNEL}",
            f"no {model.ARCHIVE}",
            "the artifact of an earlier job",
            "Correct its S3Uri.",
        )
    target = Path(os.path.realpath(base)) / "earlier-model"
    try:
        model.unpack(archive, target)
    except BadModel as error:
        raise _refused(f"Channel {CHANNEL}", error) from error
    return _loaded(target, f"Channel {CHANNEL}")


def _loaded(path: Path, subject: str) -> Model:
    try:
        return model.load(path)
    except BadModel as error:
        raise _refused(subject, error) from error


def _refused(subject: str, error: BadModel) -> CustomerError:
    return CustomerError(subject, error, "a model of this algorithm", "Train it again.")


def _transferred(fresh: Model, pretrained: Model) -> Model:
    """The pretrained weights with a last layer of the new classes."""
    _check_same(pretrained, fresh, ("num_layers", "image_shape"))
    return replace(fresh, arrays={**fresh.arrays, **model.without_head(pretrained).arrays})


def _check_same(earlier: Model, fresh: Model, names: tuple[str, ...]) -> None:
    for name in names:
        had, asked = getattr(earlier.architecture, name), getattr(fresh.architecture, name)
        if had != asked:
            raise CustomerError(
                f"Hyperparameter {name}",
                repr(asked),
                f"{had!r} as in the model to begin with",
                "Correct it, or leave out the model.",
            )
