from __future__ import annotations

import pytest

from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import CHECKS, Hyperparameters, parse

REQUIRED = {"num_classes": "2", "num_training_samples": "100"}


def test_documented_defaults() -> None:
    assert parse(REQUIRED) == Hyperparameters(
        num_classes=2,
        num_training_samples=100,
        augmentation_type=None,
        beta_1=0.9,
        beta_2=0.999,
        checkpoint_frequency=None,
        early_stopping=False,
        early_stopping_min_epochs=10,
        early_stopping_patience=5,
        early_stopping_tolerance=0.0,
        epochs=30,
        eps=1e-8,
        gamma=0.9,
        image_shape=(3, 224, 224),
        kv_store=None,
        learning_rate=0.1,
        lr_scheduler_factor=0.1,
        lr_scheduler_step=(),
        mini_batch_size=32,
        momentum=0.9,
        multi_label=False,
        num_layers=152,
        optimizer="sgd",
        precision_dtype="float32",
        resize=None,
        top_k=None,
        use_pretrained_model=False,
        use_weighted_loss=False,
        weight_decay=0.0001,
    )
    assert set(CHECKS) == set(Hyperparameters.__dataclass_fields__)


def test_values_are_read_from_text() -> None:
    parsed = parse(
        {
            **REQUIRED,
            "lr_scheduler_step": "10, 20",
            "image_shape": "3, 28, 32",
            "early_stopping": "True",
            "multi_label": "1",
            "num_layers": "20",
            "eps": "1e-07",
            "_tuning_objective_metric": "validation:accuracy",
        }
    )
    assert parsed.lr_scheduler_step == (10, 20)
    assert parsed.image_shape == (3, 28, 32)
    assert parsed.early_stopping is True
    assert parsed.multi_label is True
    assert (parsed.architecture.num_layers, parsed.architecture.num_classes) == (20, 2)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("num_classes", "0", "an integer of at least 1"),
        ("num_training_samples", "many", "an integer of at least 1"),
        ("learning_rate", "1.5", "a number from 0 to 1"),
        ("momentum", "nan", "a number from 0 to 1"),
        ("num_layers", "21", "one of 18, 34, 50, 101, 152, 200, 20, 32, 44, 56, 110"),
        ("image_shape", "1,28,28", "'3, height, width'"),
        ("image_shape", "28,28", "'3, height, width'"),
        ("optimizer", "adagrad", "one of sgd, adam, rmsprop, nag"),
        ("augmentation_type", "flip", "one of crop, crop_color, crop_color_transform"),
        ("top_k", "1", "an integer of at least 2"),
        ("early_stopping", "yes", "False or True"),
        ("lr_scheduler_step", "20,10", "epochs from 1 in rising order"),
        ("lr_scheduler_step", "0,10", "epochs from 1 in rising order"),
        ("multi_label", "2", "0 or 1"),
        ("precision_dtype", "bfloat16", "one of float32, float16"),
        ("kv_store", "device", "one of dist_sync, dist_async"),
        ("checkpoint_frequency", "31", "at most epochs, 30"),
    ],
)
def test_a_bad_value_is_named_with_its_range(name: str, text: str, expected: str) -> None:
    with pytest.raises(CustomerError) as caught:
        parse({**REQUIRED, name: text})
    assert str(caught.value).startswith(f"Hyperparameter {name}: {text!r}, expected {expected}")


def test_missing_and_unknown() -> None:
    with pytest.raises(CustomerError, match=r"Hyperparameter num_training_samples: missing, expected"):
        parse({"num_classes": "2"})
    with pytest.raises(CustomerError, match=r"Hyperparameter use_lr_scheduler: '1' is not known"):
        parse({**REQUIRED, "use_lr_scheduler": "1"})


def test_transfer_learning_has_networks_of_its_own() -> None:
    pretrained = {**REQUIRED, "use_pretrained_model": "1"}
    assert parse(pretrained).use_pretrained_model
    with pytest.raises(
        CustomerError, match=r"num_layers: '20', expected one of 18, .* for transfer learning"
    ):
        parse({**pretrained, "num_layers": "20"})
    with pytest.raises(CustomerError, match=r"image_shape: '3,50,50', expected '3, 224, 224'"):
        parse({**pretrained, "image_shape": "3,50,50"})
