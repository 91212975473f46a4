"""The notebook runs from its first cell to its last: a real dataset in S3, a real endpoint that answers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_jobs import unique
from local_aws import REPOSITORY, LocalAws, interpreter, wait_until
from scripts import gathered

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings, dataset_digest
from idc.converter.convert import convert
from idc.deploy.hosting import EndpointSpec, production_variant
from idc.ingest.snapshot import ingest, point_to_dataset
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train.candidates import Candidate
from idc.train.models import model_request

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NOTEBOOK = REPOSITORY / "include" / "notebooks" / "explore_dataset.ipynb"
UNTRAINED = """
import sys
sys.path.insert(0, sys.argv[1])
import mxnet as mx
import network
architecture = {"widths": [4], "dropout": 0.0}
net = network.build(architecture)
net.initialize(mx.init.Xavier())
network.save(sys.argv[2], net, architecture, 1, {})
"""


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture
def partition(store: ObjectStore) -> str:
    """A partition with a dataset of generated patches."""
    name = f"p-{uuid.uuid4().hex[:12]}"
    ingest("synthetic://?patients=12&patches=360&seed=5", name, store)
    settings = ConversionSettings()
    digest = dataset_digest(name, settings, "code", "image")
    archive, output = store.uri(layout.archive(name)), store.uri(layout.dataset_prefix(digest))
    convert(Conversion(archive, output, digest, name, settings), store.client)
    point_to_dataset(store, name, digest)
    return name


@pytest.fixture
def endpoint(embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path) -> Iterator[str]:
    """An endpoint with the MXNet variant's scripts and weights nobody trained."""
    content = artifact(tmp_path / "model")
    key, name = f"models/{unique('notebook')}/model.tar.gz", unique("notebook")
    store.put(key, content)
    candidate = Candidate(
        variant="mxnet",
        partition="2026-01",
        dataset_digest="0" * 64,
        training_job="none",
        model_data=store.uri(key),
        model_sha256=hashlib.sha256(content).hexdigest(),
        run_s=None,
        hyperparameters={},
        metrics={},
    )
    settings = Settings(bucket=embedded_aws.bucket, role_arn=embedded_aws.role_arn)
    variant = production_variant(instance_type="ml.m5.large", instance_count=1)
    spec = EndpointSpec(name, model_request(settings, candidate), variant)
    sagemaker = embedded_aws.client("sagemaker")
    sagemaker.create_model(**spec.model_request())
    sagemaker.create_endpoint_config(**spec.config_request())
    sagemaker.create_endpoint(**spec.endpoint_request())

    def settled() -> Any:
        found = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    found = wait_until(settled, 90)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


def artifact(folder: Path) -> bytes:
    """A model.tar.gz as a training job leaves it, without the training."""
    scripts = gathered("mxnet", folder.with_name(f"{folder.name}-scripts"))
    command = [interpreter("mxnet"), "-c", UNTRAINED, str(scripts), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
        for path in sorted(scripts.glob("*.py")):
            archive.add(path, f"code/{path.name}")
    return stream.getvalue()


def run(folder: Path, aws: LocalAws, partition: str, endpoint: str) -> str:
    """Execute the notebook as Jupyter does; return all it printed. A cell that raises fails the run."""
    notebook = json.loads(NOTEBOOK.read_text())
    [parameters] = [c for c in notebook["cells"] if c["metadata"].get("tags") == ["parameters"]]
    parameters["source"] = [f"partition = {partition!r}"]
    (folder / "given.ipynb").write_text(json.dumps(notebook))
    variables = {
        **os.environ,
        **aws.env,
        **{f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("RUNTIME", "CONFIG", "DATA")},
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "PYTHONPATH": str(REPOSITORY / "include"),
        "HISTOFLOW_BUCKET": aws.bucket,
        "HISTOFLOW_ROLE_ARN": aws.role_arn,
        "HISTOFLOW_ENDPOINT_NAME": endpoint,
    }
    options = ["--to", "notebook", "--execute", "--output", "done.ipynb", str(folder / "given.ipynb")]
    command = [interpreter("dev"), "-m", "nbconvert", *options]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    cells = json.loads((folder / "done.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2 + 2 + 1 + 3 + 1
    return "".join("".join(output.get("text", [])) for output in outputs)


def test_the_notebook_runs_and_asks_the_endpoint(
    embedded_aws: LocalAws, partition: str, endpoint: str, tmp_path: Path
) -> None:
    printed = run(tmp_path, embedded_aws, partition, endpoint)

    assert "360 patches of 12 patients" in printed
    assert "SYNTHETIC DATA" in printed
    assert re.search(r"AUC of hematoxylin alone: 0\.\d+", printed)
    assert re.search(r"_class1\.png: truth 1, probability of IDC 0\.\d+\n", printed)


def test_without_an_endpoint_the_notebook_says_so(
    embedded_aws: LocalAws, partition: str, tmp_path: Path
) -> None:
    printed = run(tmp_path, embedded_aws, partition, "nobody-here")

    assert "No endpoint nobody-here is in service" in printed


def test_the_notebook_is_kept_without_outputs_and_without_this_machine() -> None:
    text = NOTEBOOK.read_text()
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert "not a diagnostic device" in text
    assert str(REPOSITORY.parent) not in text
