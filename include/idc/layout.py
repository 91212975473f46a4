"""Every S3 key of the product, as pure functions; prefixes end with a slash.

The converter brings the keys of snapshots and datasets, since it travels without this module.
"""

from __future__ import annotations

import re

from idc.converter.keys import (
    AUGMENTED as AUGMENTED,
    IMAGE as IMAGE,
    PAYLOAD as PAYLOAD,
    RECORDIO as RECORDIO,
    SNAPSHOTS as SNAPSHOTS,
    SPLITS as SPLITS,
    TFRECORD as TFRECORD,
    archive as archive,
    channel_manifest as channel_manifest,
    checked_digest,
    checked_name,
    dataset_prefix as dataset_prefix,
    given_split as given_split,
    image as image,
    image_list as image_list,
    index as index,
    manifest as manifest,
    parse_uri as parse_uri,
    part as part,
    parts_prefix as parts_prefix,
    quality as quality,
    shard as shard,
    snapshot_prefix as snapshot_prefix,
    split_prefix as split_prefix,
    split_table as split_table,
    uri as uri,
)

MONITORING = "monitoring/"
CHAMPION = "champion"  # stands in a candidate's place for the champion, scored on a partition
CAPTURE = "capture/"


def transfer(partition: str) -> str:
    """Return the key of the note on a transfer that has begun and not ended."""
    return f"{snapshot_prefix(partition)}transfer.json"


def dataset_pointer(partition: str) -> str:
    """Return the key that names the dataset last made of a snapshot."""
    return f"{snapshot_prefix(partition)}dataset.json"


def run_manifest(partition: str, dag_id: str, run_id: str) -> str:
    """Return the key of what is kept of one run of a DAG; what no key may hold becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", run_id).strip("-._")
    folder = f"runs/{checked_name('partition', partition)}/{checked_name('DAG', dag_id)}"
    return f"{folder}/{checked_name('run', name)}.json"


def history_page() -> str:
    """Return the key of the page on all partitions."""
    return "history/history.html"


def history_picture() -> str:
    """Return the key of the chart of metrics over the partitions."""
    return "history/history.png"


def monitoring_prefix(day: str) -> str:
    """Return the prefix of what was found out about a day's (`2026-11-25`) answers and labels."""
    return f"{MONITORING}{checked_name('day', day)}/"


def monitoring(day: str) -> str:
    """Return the key of the figures of a day's monitoring."""
    return f"{monitoring_prefix(day)}monitoring.json"


def monitoring_report(day: str) -> str:
    """Return the key of the report on a day's monitoring, a page for people."""
    return f"{monitoring_prefix(day)}report.html"


def monitoring_picture(day: str, name: str) -> str:
    """Return the key of one of that report's charts."""
    return f"{monitoring_prefix(day)}report/{checked_name('picture', name)}.png"


def retraining(model_sha256: str, partition: str) -> str:
    """Return the key of the note that monitoring a model has had a partition trained once more."""
    folder = f"models/{checked_digest('model digest', model_sha256)}/retraining"
    return f"{folder}/{checked_name('partition', partition)}.json"


def lineage(model_sha256: str) -> str:
    """Return the key of the record of all datasets behind a model that began with another model."""
    return f"models/{checked_digest('model digest', model_sha256)}/lineage.json"


def reference(model_sha256: str) -> str:
    """Return the key of how patches and answers were spread where a model was evaluated."""
    return f"models/{checked_digest('model digest', model_sha256)}/reference.json"


def captured_prefix(endpoint: str, version: str, day: str) -> str:
    """Return the prefix below which SageMaker keeps what a model version was asked and answered on a day."""
    year, month, date = checked_name("day", day).split("-")
    names = f"{checked_name('endpoint', endpoint)}/{checked_name('version', version)}"
    return f"{CAPTURE}{names}/{year}/{month}/{date}/"


def payload_prefix(dataset_digest: str) -> str:
    """Return the prefix of the encoded patches that batch transform sends to a model, a folder a split."""
    return f"{dataset_prefix(dataset_digest)}{PAYLOAD}/"


def report(dataset_digest: str) -> str:
    """Return the key of a dataset's report, a page for people."""
    return f"{dataset_prefix(dataset_digest)}report.html"


def report_picture(dataset_digest: str, name: str) -> str:
    """Return the key of one of the report's pictures."""
    return f"{dataset_prefix(dataset_digest)}report/{checked_name('picture', name)}.png"


def code_prefix(digest: str) -> str:
    """Return the prefix of code that travels into a job."""
    return f"code/{checked_digest('code digest', digest)}/"


def code_archive(digest: str) -> str:
    """Return the key of a training job's code."""
    return f"{code_prefix(digest)}sourcedir.tar.gz"


def job_prefix(job_name: str) -> str:
    """Return the prefix below which SageMaker writes what a job makes."""
    return f"jobs/{checked_name('job', job_name)}/"


def transform_prefix(job_name: str) -> str:
    """Return the prefix of a transform job's answers, an object for each of its inputs."""
    return f"{job_prefix(job_name)}transform/"


def tuning_prefix(job_name: str) -> str:
    """Return the prefix of what a tuning job found, for people and for the next stage."""
    return f"tuning/{checked_name('tuning job', job_name)}/"


def trials(job_name: str, suffix: str = "json") -> str:
    """Return the key of the table of a tuning job's training jobs, as `json` or `csv`."""
    return f"{tuning_prefix(job_name)}trials.{checked_name('suffix', suffix)}"


def tuning_page(job_name: str) -> str:
    """Return the key of the page on a tuning job; without it its tables may not all be there."""
    return f"{tuning_prefix(job_name)}tuning.html"


def tuning_picture(job_name: str, name: str) -> str:
    """Return the key of one of the page's charts."""
    return f"{tuning_prefix(job_name)}{checked_name('picture', name)}.png"


def tuned_defaults(variant: str) -> str:
    """Return the key of a variant's tuned hyperparameters, the present ones and those before."""
    return f"tuning/{checked_name('variant', variant)}/defaults.json"


def candidate_prefix(partition: str, variant: str) -> str:
    """Return the prefix of one variant's trained model of one partition."""
    return f"{candidates_prefix(partition)}{checked_name('variant', variant)}/"


def candidates_prefix(partition: str) -> str:
    """Return the prefix of a partition's candidates, a folder each."""
    return f"candidates/{checked_name('partition', partition)}/"


def metrics(partition: str, variant: str) -> str:
    """Return the key of a candidate's metrics."""
    return f"{candidate_prefix(partition, variant)}metrics.json"


def predictions(partition: str, variant: str) -> str:
    """Return the key of a candidate's predictions of the validation and test patches."""
    return f"{candidate_prefix(partition, variant)}predictions.csv"


def patients(partition: str, variant: str) -> str:
    """Return the key of a candidate's results patient by patient."""
    return f"{candidate_prefix(partition, variant)}patients.csv"


def card(partition: str, variant: str, suffix: str = "json") -> str:
    """Return the key of a candidate's model card, as `json` or `html`."""
    return f"{candidate_prefix(partition, variant)}card.{checked_name('suffix', suffix)}"


def evaluation_report(partition: str, variant: str) -> str:
    """Return the key of the report on a candidate, a page for people."""
    return f"{candidate_prefix(partition, variant)}report.html"


def evaluation_picture(partition: str, variant: str, name: str) -> str:
    """Return the key of one of that report's charts."""
    return f"{candidate_prefix(partition, variant)}report/{checked_name('picture', name)}.png"


def heatmap(partition: str, variant: str, patient: str, slide: int) -> str:
    """Return the key of the picture of a slide with the probability that a candidate gives to each patch."""
    return f"{candidate_prefix(partition, variant)}heatmaps/{checked_name('patient', patient)}-{slide}.png"


def smoke(partition: str, variant: str) -> str:
    """Return the key of the deployed endpoint's answers for known patches."""
    return f"{candidate_prefix(partition, variant)}smoke.json"


def candidate(partition: str, variant: str) -> str:
    """Return the key of what a candidate is made of."""
    return f"{candidate_prefix(partition, variant)}candidate.json"


def feedback_prefix(day: str) -> str:
    """Return the prefix of the true labels of one day's answers."""
    year, month, date = checked_name("day", day).split("-")
    return f"feedback/{year}/{month}/{date}/"


def feedback(day: str, request_id: str, number: int = 1, tile: str = "") -> str:
    """Return the key of a true label, by its answer's day (`2026-11-25`), id, tile; number 2 corrects 1."""
    name = checked_name("request", f"{request_id}.{tile}" if tile else request_id)
    return f"{feedback_prefix(day)}{name}{f'.{number}' if number > 1 else ''}.json"


def decision(partition: str) -> str:
    """Return the key of what was decided about a partition's candidates, and of what came of it."""
    return f"candidates/{checked_name('partition', partition)}/decision.json"


def known_answers(model_sha256: str) -> str:
    """Return the key of some test patches with the answers that a model gave when it was evaluated."""
    return f"models/{checked_digest('model digest', model_sha256)}/known_answers.json"
