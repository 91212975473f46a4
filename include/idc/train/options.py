"""Choose the hyperparameters of each variant: what a person asked for, tuned values, settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from idc.settings import Settings
from idc.train.defaults import Tuned
from idc.variants.all import variant

FORM, SETTINGS = "the trigger form", "the settings"


@dataclass(frozen=True)
class TrainingOptions:
    """The variants to train, and hyperparameters by variant.

    Precedence: `asked`, tuned values, `defaults`. On synthetic patches `synthetic_epochs` replaces the epochs
    of `defaults`, unless it is None.
    """

    variants: tuple[str, ...]
    defaults: Mapping[str, Mapping[str, Any]]
    synthetic_epochs: int | None
    asked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, variants: Iterable[str], form: Mapping[str, Any]) -> Self:
        """Return the options that the settings and a trigger form make; `form` has its fields by name.

        Raises:
            ConfigurationError: there is no such variant.
        """
        names = tuple(variants)
        given = {name: value for name, value in form.items() if value is not None}
        fields = {name: variant(name).fields for name in names}
        asked = {
            name: {one.hyperparameter: given[one.name] for one in own if one.name in given}
            for name, own in fields.items()
        }
        has_epochs = any("epochs" in own for own in asked.values())
        return cls(
            variants=names,
            defaults={name: variant(name).defaults(settings) for name in names},
            synthetic_epochs=None if has_epochs else settings.synthetic_epochs,
            asked=asked,
        )

    def hyperparameters(
        self, name: str, *, is_synthetic: bool, tuned: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the hyperparameters of the variant `name`, whose tuned ones are `tuned`."""
        own = dict(self.defaults[name])
        if is_synthetic and self.synthetic_epochs is not None:
            own["epochs"] = self.synthetic_epochs
        return {**own, **(tuned or {}), **self.asked.get(name, {})}

    def sources(self, name: str, tuned: Tuned | None) -> dict[str, list[str]]:
        """Return where the hyperparameters of the variant `name` come from: their names by source."""
        found: dict[str, list[str]] = {}
        given = tuned.hyperparameters if tuned else {}
        for parameter in self.hyperparameters(name, is_synthetic=False, tuned=given):
            source = SETTINGS
            if parameter in self.asked.get(name, {}):
                source = FORM
            elif tuned and parameter in given:
                source = f"the tuning job {tuned.tuning_job}"
            found.setdefault(source, []).append(parameter)
        return found
