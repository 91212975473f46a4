"""The stages one after another on an S3 in memory, with what the jobs would have left put there by hand."""

from __future__ import annotations

import functools
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boto3
from moto import mock_aws

from idc import layout
from idc.convert import stage as convert
from idc.convert.stage import ConversionPlan
from idc.converter.conversion import ConversionSettings, parse_arguments
from idc.converter.convert import convert as run_conversion
from idc.converter.index import find_index
from idc.evaluate import stage as evaluate
from idc.ingest import stage as ingest
from idc.jobs.training import TrainingPlan, training_request
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates, stage as train
from idc.train.options import TrainingOptions
from idc.train.request import joined
from idc.variants.all import VARIANTS

PARTITION = "2026-10"
SAMPLE = "synthetic://?patients=8&patches=160&seed=3"
SETTINGS = Settings(bucket="a-bucket", role_arn="arn:aws:iam::123456789012:role/histoflow")
OPTIONS = ConversionSettings()
TRAINING = TrainingOptions(
    tuple(VARIANTS),
    {
        name: {"epochs": 2, "seed": 7} if one.is_script else {"epochs": 3, "optimizer": "sgd"}
        for name, one in VARIANTS.items()
    },
    synthetic_epochs=None,
)


@functools.cache
def contents() -> tuple[str, dict[str, bytes], dict[str, bytes]]:
    """Return a dataset's digest, and all objects once there is a snapshot and once there is the dataset."""
    with mock_aws():
        store = empty_store()
        ingest.run(store, partition=PARTITION, archive=SAMPLE)
        before = everything(store)
        planned = plan_conversion(store)
        assert planned.spec is not None
        request = planned.spec.request
        run_conversion(parse_arguments(request["AppSpecification"]["ContainerArguments"]), store.client)
        convert.publish(store, partition=PARTITION, dataset_digest=planned.dataset_digest)
        return planned.dataset_digest, before, everything(store)


def empty_store() -> ObjectStore:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=SETTINGS.bucket)
    return ObjectStore(client, SETTINGS.bucket)


def everything(store: ObjectStore) -> dict[str, bytes]:
    found = store.client.list_objects_v2(Bucket=store.bucket)["Contents"]
    return {entry["Key"]: store.get(entry["Key"]) for entry in found}


def filled(store: ObjectStore, objects: Mapping[str, bytes]) -> ObjectStore:
    for key, content in objects.items():
        store.put(key, content)
    return store


def plan_conversion(store: ObjectStore, options: ConversionSettings = OPTIONS) -> ConversionPlan:
    return convert.plan(store, SETTINGS, dag_id="idc_convert", partition=PARTITION, options=options)


def plan_training(store: ObjectStore, options: TrainingOptions = TRAINING) -> list[dict[str, Any]]:
    return train.plan(store, SETTINGS, dag_id="idc_train", partition=PARTITION, options=options)


def requested(planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make plans requests without the SDK, which is not in this interpreter."""
    return joined(
        {**one, "request": training_request(TrainingPlan.from_dict(one["plan"]))} for one in planned
    )


def trained(
    store: ObjectStore, *variants: str, model: bytes = b"weights", job: str = ""
) -> list[candidates.Candidate]:
    """Leave what training jobs leave, and record it; `job` names the job of a single variant."""
    planned = requested(plan_training(store, replace(TRAINING, variants=variants)))
    jobs = []
    for variant in (one["variant"] for one in planned):
        name = job or f"idc-train-2026-10-{variant}-0123456789"
        key = f"{layout.job_prefix(name)}output/model.tar.gz"
        store.put(key, packed({"model.json": model + variant.encode()}))
        metrics = {"validation:accuracy": 0.8}
        jobs.append({"job": name, "model_data": store.uri(key), "run_s": 12, "metrics": metrics})
    train.record(store, partition=PARTITION, planned=planned, jobs=jobs)
    return [candidates.candidate(store, PARTITION, variant) for variant in variants]


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return files as a model.tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def patches(store: ObjectStore, digest: str, split: str) -> dict[str, list[str]]:
    """Return the names of a split's patches by shard."""
    index = find_index(store, digest)
    assert index is not None
    stems = [shard.key.removesuffix(".rec") for shard in index.shards if shard.split == split]
    lists = {
        stem.rpartition("/")[2]: store.get(f"{layout.dataset_prefix(digest)}{stem}.lst").decode()
        for stem in stems
    }
    return {part: [line.split("\t")[2] for line in lines.splitlines()] for part, lines in lists.items()}


def scored(
    store: ObjectStore,
    digest: str,
    job: str,
    zero: float = 0.2,
    validation_one: float = 0.9,
    test_one: float = 0.9,
) -> Mapping[str, float]:
    """Leave what a transform job leaves: class 1 gets 0.9, class 0 gets `zero`; return it by patch."""
    probability = {}
    for split, one in (("validation", validation_one), ("test", test_one)):
        for part, names in patches(store, digest, split).items():
            probability.update({name: one if "class1" in name else zero for name in names})
            lines = [json.dumps({"prediction": [1 - probability[name], probability[name]]}) for name in names]
            key = f"{layout.transform_prefix(job)}{split}/{part}.rec.out"
            store.put(key, "".join(f"{line}\n" for line in lines).encode())
    return probability


def plan_scoring(store: ObjectStore) -> list[dict[str, Any]]:
    return evaluate.plan(store, SETTINGS, dag_id="idc_deploy", partition=PARTITION)


def measured(store: ObjectStore, *jobs: str) -> list[dict[str, Any]]:
    results = [{"job": job} for job in jobs]
    return evaluate.measure(store, SETTINGS, partition=PARTITION, planned=plan_scoring(store), jobs=results)
