"""What a person may choose about a training run, and the hyperparameters each variant gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idc.train.defaults import Tuned
from idc.variants.all import variant
from idc.variants.builtin import Builtin

FORM, SETTINGS = "the trigger form", "the settings"


@dataclass(frozen=True)
class TrainingOptions:
    """The variants to train, and the hyperparameters of our scripts and of the built-in algorithm.

    `asked_script` and `asked_builtin` are those that the trigger form names: they go before tuned ones, and
    these before `script`, `builtin` and `mxnet`, what MXNet's script takes instead, which the settings say.
    Generated patches are told apart after a few epochs: `synthetic_epochs`, or None to leave their number.
    """

    variants: tuple[str, ...]
    script: Mapping[str, Any]
    builtin: Mapping[str, Any]
    synthetic_epochs: int | None
    mxnet: Mapping[str, Any] = field(default_factory=dict)
    asked_script: Mapping[str, Any] = field(default_factory=dict)
    asked_builtin: Mapping[str, Any] = field(default_factory=dict)

    def hyperparameters(
        self, name: str, *, is_synthetic: bool, tuned: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the hyperparameters of the variant `name`, whose tuned ones are `tuned`.

        Raises:
            ConfigurationError: there is no such variant.
        """
        own = dict(self.builtin if is_builtin(name) else self.script)
        if name == "mxnet":
            own.update(self.mxnet)
        if is_synthetic and self.synthetic_epochs is not None:
            own["epochs"] = self.synthetic_epochs
        return {**own, **(tuned or {}), **self._asked(name)}

    def sources(self, name: str, tuned: Tuned | None) -> dict[str, list[str]]:
        """Return where the hyperparameters of the variant `name` come from: their names by source."""
        found: dict[str, list[str]] = {}
        given = tuned.hyperparameters if tuned else {}
        for parameter in self.hyperparameters(name, is_synthetic=False, tuned=given):
            source = SETTINGS
            if parameter in self._asked(name):
                source = FORM
            elif tuned and parameter in given:
                source = f"the tuning job {tuned.tuning_job}"
            found.setdefault(source, []).append(parameter)
        return found

    def _asked(self, name: str) -> Mapping[str, Any]:
        return self.asked_builtin if is_builtin(name) else self.asked_script


def is_builtin(name: str) -> bool:
    """Return whether the variant `name` is the built-in algorithm.

    Raises:
        ConfigurationError: there is no such variant.
    """
    return isinstance(variant(name), Builtin)
