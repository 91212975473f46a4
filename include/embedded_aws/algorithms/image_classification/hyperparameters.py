"""The algorithm's hyperparameters with their documented defaults and ranges.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from embedded_aws.algorithms.image_classification.architecture import LARGE, SMALL, Architecture
from embedded_aws.algorithms.image_classification.failures import CustomerError

PLATFORM_PREFIX = "_tuning_"  # what a tuning job adds
PRETRAINED_SIDE_PX = 224
COLOUR_CHANNELS = 3
LARGEST_SIDE_PX = 4096
SEED = 1711  # the service has no hyperparameter for it, and equal jobs should make equal models

Check = Callable[[str], Any]


def _integer(low: int, high: float = math.inf) -> tuple[Check, str]:
    def check(text: str) -> int:
        number: int = _within(int(text), low, high)
        return number

    return (
        check,
        f"an integer of at least {low}" if high == math.inf else f"an integer from {low} to {high:g}",
    )


def _share() -> tuple[Check, str]:
    return lambda text: _within(float(text), 0, 1), "a number from 0 to 1"


def _one_of(*values: str) -> tuple[Check, str]:
    return lambda text: values[values.index(text)], f"one of {', '.join(values)}"


def _flag(no: str, yes: str) -> tuple[Check, str]:
    return lambda text: bool((no, yes).index(text)), f"{no} or {yes}"


def _depth() -> tuple[Check, str]:
    known = (*LARGE, *SMALL)
    return lambda text: known[known.index(int(text))], f"one of {', '.join(map(str, known))}"


def _shape() -> tuple[Check, str]:
    def check(text: str) -> tuple[int, int, int]:
        channels, height, width = (int(part) for part in text.split(","))
        _within(channels, COLOUR_CHANNELS, COLOUR_CHANNELS)
        return channels, _within(height, 1, LARGEST_SIDE_PX), _within(width, 1, LARGEST_SIDE_PX)

    return check, f"'3, height, width' with sides from 1 to {LARGEST_SIDE_PX}"


def _steps() -> tuple[Check, str]:
    def check(text: str) -> tuple[int, ...]:
        steps = tuple(int(part) for part in text.split(","))
        _within(min(steps), 1, math.inf)
        if list(steps) != sorted(set(steps)):
            raise ValueError(text)
        return steps

    return check, "epochs from 1 in rising order, such as '10, 20'"


def _within(value: Any, low: float, high: float) -> Any:
    if not low <= value <= high:
        raise ValueError(value)
    return value


CHECKS: dict[str, tuple[Check, str]] = {
    "num_classes": _integer(1),
    "num_training_samples": _integer(1),
    "augmentation_type": _one_of("crop", "crop_color", "crop_color_transform"),
    "beta_1": _share(),
    "beta_2": _share(),
    "checkpoint_frequency": _integer(1),
    "early_stopping": _flag("False", "True"),
    "early_stopping_min_epochs": _integer(1),
    "early_stopping_patience": _integer(1),
    "early_stopping_tolerance": _share(),
    "epochs": _integer(1),
    "eps": _share(),
    "gamma": _share(),
    "image_shape": _shape(),
    "kv_store": _one_of("dist_sync", "dist_async"),
    "learning_rate": _share(),
    "lr_scheduler_factor": _share(),
    "lr_scheduler_step": _steps(),
    "mini_batch_size": _integer(1),
    "momentum": _share(),
    "multi_label": _flag("0", "1"),
    "num_layers": _depth(),
    "optimizer": _one_of("sgd", "adam", "rmsprop", "nag"),
    "precision_dtype": _one_of("float32", "float16"),
    "resize": _integer(1, LARGEST_SIDE_PX),
    "top_k": _integer(2),
    "use_pretrained_model": _flag("0", "1"),
    "use_weighted_loss": _flag("0", "1"),
    "weight_decay": _share(),
}


@dataclass(frozen=True)
class Hyperparameters:
    """Checked values; None is the documented "no default value"."""

    num_classes: int
    num_training_samples: int
    augmentation_type: str | None = None
    beta_1: float = 0.9
    beta_2: float = 0.999
    checkpoint_frequency: int | None = None
    early_stopping: bool = False
    early_stopping_min_epochs: int = 10
    early_stopping_patience: int = 5
    early_stopping_tolerance: float = 0.0
    epochs: int = 30
    eps: float = 1e-8
    gamma: float = 0.9
    image_shape: tuple[int, int, int] = (3, 224, 224)
    kv_store: str | None = None
    learning_rate: float = 0.1
    lr_scheduler_factor: float = 0.1
    lr_scheduler_step: tuple[int, ...] = ()
    mini_batch_size: int = 32
    momentum: float = 0.9
    multi_label: bool = False
    num_layers: int = 152
    optimizer: str = "sgd"
    precision_dtype: str = "float32"
    resize: int | None = None
    top_k: int | None = None
    use_pretrained_model: bool = False
    use_weighted_loss: bool = False
    weight_decay: float = 0.0001

    @property
    def architecture(self) -> Architecture:
        """The network these ask for."""
        return Architecture(self.num_layers, self.num_classes, self.image_shape, self.multi_label)


REQUIRED = ("num_classes", "num_training_samples")


def parse(given: Mapping[str, str]) -> Hyperparameters:
    """The hyperparameters of a job.

    Raises:
        CustomerError: names the first that is missing, unknown or out of range.
    """
    own = {name: text for name, text in given.items() if not name.startswith(PLATFORM_PREFIX)}
    for name in REQUIRED:
        if name not in own:
            raise CustomerError(f"Hyperparameter {name}", "missing", CHECKS[name][1], "Add it.")
    unknown = sorted(set(own) - set(CHECKS))
    if unknown:
        known = ", ".join(CHECKS)
        raise CustomerError(
            f"Hyperparameter {unknown[0]}",
            f"{own[unknown[0]]!r} is not known",
            f"one of {known}",
            "Remove it.",
        )
    parsed = Hyperparameters(**{name: _value(name, text) for name, text in own.items()})
    _check_together(parsed, own)
    return parsed


def shown(parsed: Hyperparameters) -> dict[str, Any]:
    """All values that are set, as the log lists them."""
    values = {field.name: getattr(parsed, field.name) for field in fields(parsed)}
    return {name: value for name, value in sorted(values.items()) if value not in (None, ())}


def _value(name: str, text: str) -> Any:
    check, expected = CHECKS[name]
    try:
        return check(str(text).strip())
    except ValueError as error:
        raise _refused(name, text, expected) from error


def _check_together(parsed: Hyperparameters, given: Mapping[str, str]) -> None:
    """Rules between hyperparameters."""
    if parsed.checkpoint_frequency is not None and parsed.checkpoint_frequency > parsed.epochs:
        raise _refused(
            "checkpoint_frequency", given["checkpoint_frequency"], f"at most epochs, {parsed.epochs}"
        )
    if not parsed.use_pretrained_model:
        return
    if parsed.num_layers not in LARGE:
        expected = f"one of {', '.join(map(str, LARGE))} for transfer learning"
        raise _refused("num_layers", given.get("num_layers", ""), expected)
    if parsed.image_shape[1:] != (PRETRAINED_SIDE_PX, PRETRAINED_SIDE_PX):
        expected = f"'3, {PRETRAINED_SIDE_PX}, {PRETRAINED_SIDE_PX}' for transfer learning"
        raise _refused("image_shape", given["image_shape"], expected)


def _refused(name: str, text: object, expected: str) -> CustomerError:
    return CustomerError(f"Hyperparameter {name}", repr(text), expected, "Correct it.")
