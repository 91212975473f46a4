from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.algorithms.catalog import ALGORITHMS

MODEL = {"model": {"ContentType": "application/x-sagemaker-model", "TrainingInputMode": "File"}}
PARAMETERS = "image-classification-{:04d}.params"
NO_WEIGHTS = (
    "Hyperparameter use_pretrained_model: '1', and no weights for 18 layers are here, expected "
    "resnet-18.params, or a model's files in resnet-18, below the directory that "
    "IMAGE_CLASSIFICATION_PRETRAINED names in the runtime's environment, or a channel 'model'. "
    "Provide one, or set use_pretrained_model to 0 for full training."
)


def files(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "model").iterdir())


def found(log: str, name: str) -> list[float]:
    regex = dict(ALGORITHMS["image-classification"].metrics)[name]
    return [float(value) for value in re.findall(regex, log)]


def test_log_metrics_and_artifact(trained: tuple[Path, str]) -> None:
    base, log = trained
    assert len(found(log, "train:accuracy")) == len(found(log, "validation:accuracy")) == 2
    assert re.search(
        r"^\[\d\d/\d\d/\d{4} [\d:]{8} INFO \d+\] Epoch\[1\] Time cost=\d+\.\d{3}$", log, re.MULTILINE
    )
    assert "Epoch[0] Train-top_k_accuracy_2=1.000000" in log
    best = max(found(log, "validation:accuracy"))
    assert f"Storing the best model with validation accuracy: {best:.6f}" in log
    kept = 1 + found(log, "validation:accuracy").index(best)
    assert f'Saved checkpoint to "{base}/model/{PARAMETERS.format(kept)}"' in log
    assert files(base) == [PARAMETERS.format(kept), "image-classification-symbol.json", "model-shapes.json"]
    shapes = json.loads((base / "model/model-shapes.json").read_text())
    assert shapes[0]["name"] == "data"
    assert shapes[0]["shape"] == [1, 3, 12, 12]


@pytest.mark.slow
def test_the_same_job_makes_the_same_model(trained: tuple[Path, str], job: Any, tmp_path: Path) -> None:
    base, log = trained
    done = job(tmp_path, augmentation_type="crop", top_k="2")
    assert found(done.stdout, "train:accuracy") == found(log, "train:accuracy")
    name = files(base)[0]
    assert (tmp_path / "model" / name).read_bytes() == (base / "model" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "augmentation_type": "crop_color", "learning_rate": "0.001", "epochs": "1"},
        {
            "optimizer": "rmsprop",
            "augmentation_type": "crop_color_transform",
            "learning_rate": "0.001",
            "epochs": "1",
        },
        {
            "optimizer": "nag",
            "lr_scheduler_step": "1",
            "checkpoint_frequency": "1",
            "precision_dtype": "float16",
        },
        {"num_layers": "18", "resize": "14", "epochs": "1"},
        {"num_layers": "50", "epochs": "1"},
    ],
    ids=["adam", "rmsprop", "nag", "18 layers", "50 layers"],
)
def test_optimizers_networks_and_checkpoints(changes: dict[str, str], job: Any, tmp_path: Path) -> None:
    done = job(tmp_path, **changes)
    assert done.returncode == 0, done.stdout + done.stderr
    count = int(changes.get("epochs", 2)) if "checkpoint_frequency" in changes else 1
    assert len([name for name in files(tmp_path) if name.endswith(".params")]) == count


@pytest.mark.slow
def test_early_stopping(job: Any, tmp_path: Path) -> None:
    done = job(
        tmp_path,
        learning_rate="0",
        epochs="9",
        early_stopping="True",
        early_stopping_min_epochs="2",
        early_stopping_patience="1",
        early_stopping_tolerance="1",
    )
    assert done.returncode == 0, done.stdout
    assert len(found(done.stdout, "validation:accuracy")) == 2 or "Early stopping after epoch" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"learning_rate": "7"},
            "Hyperparameter learning_rate: '7', expected a number from 0 to 1. Correct it.",
        ),
        (
            {"mini_batch_size": "33"},
            "Hyperparameter mini_batch_size: '33', expected at most the number of images",
        ),
        ({"num_classes": "1"}, "label 1, expected a class from 0 to 0. Correct the data or num_classes."),
        (
            {"use_pretrained_model": "1", "num_layers": "18", "image_shape": "3,224,224"},
            NO_WEIGHTS,
        ),
    ],
)
def test_the_customers_mistakes(changes: dict[str, str], message: str, job: Any, tmp_path: Path) -> None:
    done = job(tmp_path, **changes)
    assert done.returncode == 2
    assert message in (tmp_path / "output/failure").read_text()
    assert f"Customer Error: {(tmp_path / 'output/failure').read_text()}" in done.stdout


@pytest.mark.slow
def test_image_files_and_their_resize(job: Any, image_files: Any, tmp_path: Path) -> None:
    channels = image_files(tmp_path)
    assert job(tmp_path, channels=channels, train=None).returncode == 2
    assert (tmp_path / "output/failure").read_text().startswith("Hyperparameter resize: missing, expected")
    done = job(tmp_path, channels=channels, train=None, resize="12", epochs="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_several_instances(job: Any, run: Any, tmp_path: Path) -> None:
    job(tmp_path, learning_rate="7")
    config = tmp_path / "input/config"
    (config / "resourceconfig.json").write_text('{"hosts": ["algo-1", "algo-2"]}')
    (config / "hyperparameters.json").write_text('{"num_classes": "2", "num_training_samples": "32"}')
    assert run(tmp_path).returncode == 2
    assert (tmp_path / "output/failure").read_text().startswith("InstanceCount: 2, expected 1")


@pytest.mark.slow
def test_no_images(job: Any, tmp_path: Path) -> None:
    assert job(tmp_path, train=0).returncode == 2
    assert "mini_batch_size: '8', expected at most the number" in (tmp_path / "output/failure").read_text()


@pytest.mark.slow
def test_a_count_that_is_not_the_datas_is_told(job: Any, tmp_path: Path) -> None:
    done = job(tmp_path, num_training_samples="80", epochs="1")
    assert "num_training_samples is 80, and 32 images were read" in done.stdout


def archive(model: Path, target: Path, **others: bytes) -> None:
    """The model channel's artifact."""
    target.mkdir(parents=True)
    for name, content in others.items():
        (model / name.replace("__", ".")).write_bytes(content)
    with tarfile.open(target / "model.tar.gz", "w:gz") as tar:
        for path in sorted(model.iterdir()):
            tar.add(path, path.name)


@pytest.mark.slow
def test_incremental_training(trained: tuple[Path, str], job: Any, run: Any, tmp_path: Path) -> None:
    base, _ = trained
    archive(base / "model", tmp_path / "input/data/model")
    done = job(tmp_path, channels=MODEL, learning_rate="0", epochs="1")
    assert done.returncode == 0, done.stdout + done.stderr
    paths = base / "model" / files(base)[0], tmp_path / "model/image-classification-0001.params"
    compared = run(tmp_path, "-c", SAME_WEIGHTS, *map(str, paths))
    # With a rate of 0 the weights stay; only the moving averages of batch normalisation go on.
    assert compared.stdout.splitlines()[-1] == "True False", compared.stderr
    other = job(tmp_path, channels=MODEL, num_layers="32")
    assert other.returncode == 2
    assert (
        "Hyperparameter num_layers: 32, expected 20 as in the model"
        in (tmp_path / "output/failure").read_text()
    )


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ({}, "Channel model: content type '' in File mode, expected application/x-sagemaker-model in File"),
        ({**MODEL["model"], "TrainingInputMode": "Pipe"}, "in Pipe mode, expected application/x-sagemaker"),
        (MODEL["model"], "Channel model: no model.tar.gz, expected the artifact of an earlier job."),
    ],
)
def test_a_model_channel_that_is_none(
    channel: dict[str, str], message: str, job: Any, tmp_path: Path
) -> None:
    assert job(tmp_path, channels={"model": channel}).returncode == 2
    assert message in (tmp_path / "output/failure").read_text()


@pytest.mark.slow
def test_a_foreign_file_in_the_model_channel(trained: tuple[Path, str], job: Any, tmp_path: Path) -> None:
    model = tmp_path / "copy"
    model.mkdir()
    for path in (trained[0] / "model").iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    archive(model, tmp_path / "input/data/model", **{"image-classification-0001__states": b"pickle"})
    assert job(tmp_path, channels=MODEL).returncode == 2
    assert "member 'image-classification-0001.states'" in (tmp_path / "output/failure").read_text()


@pytest.mark.slow
def test_transfer_learning_takes_all_but_the_last_layer(run: Any, tmp_path: Path) -> None:
    done = run(tmp_path, "-c", TRANSFER, IMAGE_CLASSIFICATION_PRETRAINED=str(tmp_path / "weights"))
    assert done.returncode == 0, done.stderr
    taken = {"body": True, "head": False, "classes": [5, 512]}
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "files": taken,
        "params": taken,
        "other": "Weights resnet-34: model: resnet-34.params differs in arg:stage1_unit3_bn1_beta, "
        "arg:stage1_unit3_bn1_gamma, arg:stage1_unit3_bn2_beta, arg:stage1_unit3_bn2_gamma, "
        "arg:stage1_unit3_conv1_weight from Architecture(num_layers=34, num_classes=5, "
        "image_shape=(3, 224, 224), multi_label=False), expected a model of this algorithm. Train it again.",
    }


SAME_WEIGHTS = """
import sys, mxnet as mx
one, other = map(mx.nd.load, sys.argv[1:])
def same(kind):
    return all((one[n] == other[n]).asnumpy().all() for n in one if n.startswith(kind))
print(same("arg"), same("aux"))
"""
TRANSFER = """
import json, os
from pathlib import Path
import mxnet as mx
from embedded_aws.algorithms.image_classification import hyperparameters, learning, model, starting
from embedded_aws.algorithms.image_classification.failures import CustomerError
weights = Path(os.environ[starting.PRETRAINED])
given = {"num_classes": "7", "num_training_samples": "1", "num_layers": "18"}
there = learning.initial(hyperparameters.parse(given))
for array in there.arrays.values():
    array[:] = 0.5
def begun(layers):
    asked = {**given, "num_layers": layers, "num_classes": "5", "use_pretrained_model": "1"}
    return starting.model_of(weights, hyperparameters.parse(asked), {}, os.environ).arrays
def taken():
    arrays = begun("18")
    body, head = arrays["arg:conv0_weight"], arrays["arg:fc1_weight"]
    return {"body": bool((body == 0.5).asnumpy().all()), "head": bool((head == 0.5).asnumpy().all()),
            "classes": list(head.shape)}
weights.mkdir()
mx.nd.save(str(weights / "resnet-18.params"), there.arrays)
(weights / "resnet-34.params").write_bytes((weights / "resnet-18.params").read_bytes())
told = {"params": taken()}
try:
    begun("34")
except CustomerError as error:
    told["other"] = str(error)
(weights / "resnet-18.params").unlink()
model.save(weights / "resnet-18", there, 1)
told["files"] = taken()
print(json.dumps(told))
"""


@pytest.mark.slow
def test_normalisation_is_by_the_average_of_the_batches_so_far(run: Any, tmp_path: Path) -> None:
    done = run(tmp_path, "-c", AVERAGES)
    assert done.returncode == 0, done.stderr
    for observed, expected in json.loads(done.stdout.splitlines()[-1]):
        assert observed == pytest.approx(expected, rel=1e-3)


AVERAGES = """
import json
import numpy as np
from embedded_aws.algorithms.image_classification import hyperparameters, learning
from embedded_aws.algorithms.image_classification.batches import Batch
given = {"num_classes": "2", "num_training_samples": "8", "num_layers": "20", "image_shape": "3,16,16",
         "mini_batch_size": "8"}
parameters = hyperparameters.parse(given)
network = learning.Network(learning.initial(parameters), 8, parameters)
rng, seen, told = np.random.default_rng(7), [], []
for brightness in (0, 60, 90):
    pixels = rng.uniform(0, 160, (8, 3, 16, 16)).astype("float32") + brightness
    seen.append((pixels.mean((0, 2, 3)), pixels.var((0, 2, 3))))
    network.learn(Batch(pixels, np.eye(2, dtype="float32")[[0, 1] * 4]))
    averages = network.arrays()
    for at, name in enumerate(("mean", "var")):
        observed = averages[f"aux:bn_data_moving_{name}"].asnumpy()
        told.append((observed.tolist(), np.mean([one[at] for one in seen], axis=0).tolist()))
print(json.dumps(told))
"""


@pytest.mark.slow
def test_several_labels(job: Any, tmp_path: Path, several_labels: Any) -> None:
    several_labels(tmp_path)
    done = job(
        tmp_path, channels={}, num_classes="3", multi_label="1", use_weighted_loss="1", epochs="1", train=None
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 0 <= found(done.stdout, "validation:accuracy")[0] <= 1
