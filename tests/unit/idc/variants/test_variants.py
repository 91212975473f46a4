from __future__ import annotations

from dataclasses import replace

import pytest

from idc.errors import ConfigurationError
from idc.settings import Settings
from idc.train.defaults import Defaults, Tuned
from idc.train.options import TrainingOptions
from idc.variants.all import VARIANTS, variant
from idc.variants.builtin import IMAGE

NAMES = tuple(VARIANTS)
BUILTIN, SCRIPT = {"epochs": 10, "optimizer": "sgd"}, {"epochs": 24, "batch-size": 64}
OPTIONS = TrainingOptions(
    NAMES, {name: SCRIPT if one.is_script else BUILTIN for name, one in VARIANTS.items()}, 6
)


def test_there_are_four() -> None:
    assert NAMES == ("builtin-lowlevel", "builtin-sdk", "tensorflow", "mxnet")
    assert [one.estimator.rpartition(".")[2] for one in VARIANTS.values()] == [
        "",
        "Estimator",
        "TensorFlow",
        "MXNet",
    ]


def test_an_unknown_one_is_named_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match="variant 'gluon': unknown, expected one of builtin-lowlevel"
    ):
        variant("gluon")


@pytest.mark.parametrize("name", NAMES)
def test_each_gets_the_hyperparameters_of_its_kind(name: str) -> None:
    own = BUILTIN if name.startswith("builtin") else SCRIPT

    assert OPTIONS.hyperparameters(name, is_synthetic=False) == own
    assert OPTIONS.hyperparameters(name, is_synthetic=True) == {**own, "epochs": 6}


def test_mxnets_own_setting_goes_before_the_scripts_and_the_form_before_both() -> None:
    settings = Settings(
        bucket="a-bucket", role_arn="arn:aws:iam::123456789012:role/histoflow", epochs=24, mxnet_epochs=18
    )
    options = TrainingOptions.of(settings, NAMES, {"batch_size": 8, "epochs": None})

    found = {name: options.hyperparameters(name, is_synthetic=False) for name in ("mxnet", "tensorflow")}
    assert (found["mxnet"]["epochs"], found["tensorflow"]["epochs"]) == (18, 24)
    assert found["mxnet"]["batch-size"] == found["tensorflow"]["batch-size"] == 8
    assert options.hyperparameters("mxnet", is_synthetic=True)["epochs"] == settings.synthetic_epochs
    asked = TrainingOptions.of(settings, NAMES, {"epochs": 9})
    assert asked.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 9


def test_epochs_that_were_asked_for_are_kept_for_generated_patches_too() -> None:
    asked = replace(OPTIONS, synthetic_epochs=None)

    assert asked.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 24


def tuned(**hyperparameters: object) -> Tuned:
    return Tuned("t", "t-001", "2026-11", "d" * 64, False, "m", 0.9, hyperparameters)


def test_the_form_goes_before_what_was_tuned_and_that_before_the_settings() -> None:
    options = replace(OPTIONS, asked={"mxnet": {"batch-size": 8}})
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
        IMAGE.amazons("mx-central-1")
