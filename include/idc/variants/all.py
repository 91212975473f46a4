"""Find the variants: every module of this package that declares a `VARIANT`."""

from __future__ import annotations

import importlib
import pkgutil

from idc import variants
from idc.errors import ConfigurationError
from idc.variants.variant import Variant

# The modules that variants share. Every other module of the package declares one variant.
SHARED = {"all", "builtin", "hyperparameters", "images", "script", "sdk", "variant"}


def _declared() -> dict[str, Variant]:
    modules = [found.name for found in pkgutil.iter_modules(variants.__path__) if found.name not in SHARED]
    found = [importlib.import_module(f"{variants.__name__}.{name}").VARIANT for name in modules]
    return {one.name: one for one in sorted(found, key=lambda one: (one.order, one.name))}


VARIANTS: dict[str, Variant] = _declared()


def variant(name: str) -> Variant:
    """Return a variant by its name.

    Raises:
        ConfigurationError: no variant has this name.
    """
    if name not in VARIANTS:
        action = "Correct the trigger form."
        raise ConfigurationError("variant", repr(name), "unknown", f"one of {', '.join(VARIANTS)}", action)
    return VARIANTS[name]
