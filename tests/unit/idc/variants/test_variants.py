from __future__ import annotations

from dataclasses import replace

import pytest

from idc.errors import ConfigurationError
from idc.train.defaults import Defaults, Tuned
from idc.train.options import TrainingOptions
from idc.variants.all import VARIANTS, variant
from idc.variants.images import builtin_image

NAMES = tuple(VARIANTS)
OPTIONS = TrainingOptions(NAMES, {"epochs": 24, "batch-size": 64}, {"epochs": 10, "optimizer": "sgd"}, 6)


def test_there_are_four() -> None:
    assert tuple(VARIANTS) == NAMES
    assert [one.estimator for one in VARIANTS.values()] == ["", "Estimator", "TensorFlow", "MXNet"]


def test_an_unknown_one_is_named_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match="variant 'gluon': unknown, expected one of builtin-lowlevel"
    ):
        variant("gluon")


@pytest.mark.parametrize("name", NAMES)
def test_each_gets_the_hyperparameters_of_its_kind(name: str) -> None:
    own = OPTIONS.builtin if name.startswith("builtin") else OPTIONS.script

    assert OPTIONS.hyperparameters(name, is_synthetic=False) == own
    assert OPTIONS.hyperparameters(name, is_synthetic=True) == {**own, "epochs": 6}


def test_what_is_mxnets_alone_goes_before_what_the_scripts_share_but_not_before_the_form() -> None:
    options = replace(OPTIONS, mxnet={"epochs": 18}, asked_script={"batch-size": 8})

    assert options.hyperparameters("mxnet", is_synthetic=False) == {"epochs": 18, "batch-size": 8}
    assert options.hyperparameters("tensorflow", is_synthetic=False) == {"epochs": 24, "batch-size": 8}
    assert options.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 6
    asked = replace(options, asked_script={"epochs": 9}, synthetic_epochs=None)
    assert asked.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 9


def test_epochs_that_were_asked_for_are_kept_for_generated_patches_too() -> None:
    asked = TrainingOptions(NAMES, OPTIONS.script, OPTIONS.builtin, synthetic_epochs=None)

    assert asked.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 24


def tuned(**hyperparameters: object) -> Tuned:
    return Tuned("t", "t-001", "2026-11", "d" * 64, False, "m", 0.9, hyperparameters)


def test_the_form_goes_before_what_was_tuned_and_that_before_the_settings() -> None:
    options = TrainingOptions(NAMES, OPTIONS.script, OPTIONS.builtin, 6, asked_script={"batch-size": 8})
    best = tuned(**{"batch-size": 32, "dropout": 0.1})

    found = options.hyperparameters("mxnet", is_synthetic=False, tuned=best.hyperparameters)

    assert found == {"epochs": 24, "batch-size": 8, "dropout": 0.1}
    assert options.sources("mxnet", best) == {
        "the settings": ["epochs"],
        "the trigger form": ["batch-size"],
        "the tuning job t": ["dropout"],
    }


def test_what_was_tuned_is_followed_and_given_back() -> None:
    first, second = tuned(dropout=0.1), tuned(dropout=0.2)
    defaults = Defaults().followed_by(first).followed_by(second)

    assert defaults == Defaults(second, (None, first))
    assert defaults.followed_by(second) == defaults
    assert defaults.reverted("a") == Defaults(first, (None,), "a") == defaults.reverted("a").reverted("a")
    assert defaults.reverted("a").reverted("b") == Defaults(reverted_by="b")
    assert Defaults().reverted("a") == Defaults()
    assert defaults.reverted("a").followed_by(second) == defaults


def test_a_region_without_the_algorithm_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="HISTOFLOW_BUILTIN_IMAGE"):
        builtin_image("mx-central-1")
