"""Choose the weights that training begins with: random, an earlier model's, or pretrained ones.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html#IC-incremental-training
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedded_aws.algorithms.image_classification import learning, model
from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import Hyperparameters
from embedded_aws.algorithms.image_classification.model import BadModel, Model

CHANNEL = "model"
CONTENT_TYPE = "application/x-sagemaker-model"
PRETRAINED = "IMAGE_CLASSIFICATION_PRETRAINED"  # a directory with weights by number of layers
DECIDES = ("num_layers", "image_shape", "num_classes", "multi_label")


def model_of(
    base: Path,
    parameters: Hyperparameters,
    channels: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str],
) -> Model:
    """Return the model whose weights training begins with.

    Raises:
        CustomerError: the weights are missing, or belong to another network.
    """
    fresh = learning.initial(parameters)
    if CHANNEL in channels:
        earlier = _from_channel(base, channels[CHANNEL])
        if parameters.use_pretrained_model:
            return _transferred(fresh, earlier)
        _check_same(earlier, fresh, DECIDES)
        return replace(fresh, arrays=earlier.arrays)
    if parameters.use_pretrained_model:
        return _pretrained(fresh, environment.get(PRETRAINED, ""))
    return fresh


def _pretrained(fresh: Model, folder: str) -> Model:
    """Return `fresh` with the weights configured for the runtime, all but the last layer's."""
    layers = fresh.architecture.num_layers
    files, arrays = Path(folder) / f"resnet-{layers}", Path(folder) / f"resnet-{layers}.params"
    try:
        if folder and files.is_dir():
            return _transferred(fresh, model.load(files))
        if folder and arrays.is_file():
            body = model.load_body(arrays, fresh.architecture)
            return replace(fresh, arrays={**fresh.arrays, **body})
    except BadModel as error:
        raise _refused(f"Weights resnet-{layers}", error) from error
    raise CustomerError(
        "Hyperparameter use_pretrained_model",
        f"'1', and no weights for {layers} layers are here",
        f"resnet-{layers}.params, or a model's files in resnet-{layers}, below the directory that "
        f"{PRETRAINED} names in the runtime's environment, or a channel {CHANNEL!r}",
        "Provide one, or set use_pretrained_model to 0 for full training.",
    )


def _from_channel(base: Path, channel: Mapping[str, Any]) -> Model:
    kind, mode = channel.get("ContentType", ""), channel.get("TrainingInputMode", "File")
    if (kind, mode) != (CONTENT_TYPE, "File"):
        raise CustomerError(
            f"Channel {CHANNEL}",
            f"content type {kind!r} in {mode} mode",
            f"{CONTENT_TYPE} in File mode",
            "Set its ContentType and InputMode.",
        )
    archive = base / "input/data" / CHANNEL / model.ARCHIVE
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
        return model.load(target)
    except BadModel as error:
        raise _refused(f"Channel {CHANNEL}", error) from error


def _refused(subject: str, error: BadModel) -> CustomerError:
    return CustomerError(subject, error, "a model of this algorithm", "Train it again.")


def _transferred(fresh: Model, pretrained: Model) -> Model:
    """Return the pretrained weights with a last layer for the new classes."""
    _check_same(pretrained, fresh, ("num_layers", "image_shape"))
    return replace(fresh, arrays={**fresh.arrays, **model.without_head(pretrained.arrays)})


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
