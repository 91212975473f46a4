"""Every S3 key of the product, as pure functions; prefixes end with a slash."""

from __future__ import annotations

import re

from idc.errors import ConfigurationError

SNAPSHOTS = "snapshots/"
MONITORING = "monitoring/"
SPLITS = ("train", "validation", "test")
FORMATS = RECORDIO, TFRECORD, PAYLOAD = "recordio", "tfrecord", "payload"
RAW_FORMATS = IMAGE, AUGMENTED = "image", "augmented"
PAYLOAD_SPLITS = ("validation", "test")
CHAMPION = "champion"  # stands in a candidate's place for the champion, scored on a partition
CAPTURE = "capture/"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def snapshot_prefix(partition: str) -> str:
    """Return the prefix of one partition's snapshot."""
    return f"{SNAPSHOTS}{_name('partition', partition)}/"


def archive(partition: str) -> str:
    """Return the key of a snapshot's archive, one object as it came."""
    return f"{snapshot_prefix(partition)}archive.zip"


def manifest(partition: str) -> str:
    """Return the key of a snapshot's manifest; without it the snapshot does not exist."""
    return f"{snapshot_prefix(partition)}manifest.json"


def transfer(partition: str) -> str:
    """Return the key of the note on a transfer that has begun and not ended."""
    return f"{snapshot_prefix(partition)}transfer.json"


def dataset_pointer(partition: str) -> str:
    """Return the key that names the dataset last made of a snapshot."""
    return f"{snapshot_prefix(partition)}dataset.json"


def run_manifest(partition: str, dag_id: str, run_id: str) -> str:
    """Return the key of what is kept of one run of a DAG; what no key may hold becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", run_id).strip("-._")
    return f"runs/{_name('partition', partition)}/{_name('DAG', dag_id)}/{_name('run', name)}.json"


def history_page() -> str:
    """Return the key of the page on all partitions."""
    return "history/history.html"


def history_picture() -> str:
    """Return the key of the chart of metrics over the partitions."""
    return "history/history.png"


def monitoring_prefix(day: str) -> str:
    """Return the prefix of what was found out about a day's (`2026-11-25`) answers and labels."""
    return f"{MONITORING}{_name('day', day)}/"


def monitoring(day: str) -> str:
    """Return the key of the figures of a day's monitoring."""
    return f"{monitoring_prefix(day)}monitoring.json"


def monitoring_report(day: str) -> str:
    """Return the key of the report on a day's monitoring, a page for people."""
    return f"{monitoring_prefix(day)}report.html"


def monitoring_picture(day: str, name: str) -> str:
    """Return the key of one of that report's charts."""
    return f"{monitoring_prefix(day)}report/{_name('picture', name)}.png"


def retraining(model_sha256: str, partition: str) -> str:
    """Return the key of the note that monitoring a model has had a partition trained once more."""
    return f"models/{_digest('model digest', model_sha256)}/retraining/{_name('partition', partition)}.json"


def reference(model_sha256: str) -> str:
    """Return the key of how patches and answers were spread where a model was evaluated."""
    return f"models/{_digest('model digest', model_sha256)}/reference.json"


def captured_prefix(endpoint: str, version: str, day: str) -> str:
    """Return the prefix below which SageMaker keeps what a model version was asked and answered on a day."""
    year, month, date = _name("day", day).split("-")
    names = f"{_name('endpoint', endpoint)}/{_name('version', version)}"
    return f"{CAPTURE}{names}/{year}/{month}/{date}/"


def dataset_prefix(dataset_digest: str) -> str:
    """Return the prefix of one dataset."""
    return f"datasets/{_digest('dataset digest', dataset_digest)}/"


def split_prefix(dataset_digest: str, split: str, record_format: str = RECORDIO) -> str:
    """Return the prefix of one split's shards, what a training channel reads."""
    return f"{dataset_prefix(dataset_digest)}{record_format}/{_split(split)}/"


def payload_prefix(dataset_digest: str) -> str:
    """Return the prefix of the encoded patches that batch transform sends to a model, a folder a split."""
    return f"{dataset_prefix(dataset_digest)}{PAYLOAD}/"


def shard(split: str, number: int, record_format: str = RECORDIO) -> str:
    """Return a shard's key below its dataset's prefix, without a suffix."""
    return f"{record_format}/{_split(split)}/part-{number:05d}"


def image(split: str, patch: str) -> str:
    """Return the key of one patch's image file below its dataset's prefix."""
    return f"{IMAGE}/{_split(split)}/{_name('patch', patch)}"


def image_list(dataset_digest: str, split: str) -> str:
    """Return the key of the list of one split's image files."""
    return f"{dataset_prefix(dataset_digest)}{IMAGE}/{_split(split)}.lst"


def channel_manifest(dataset_digest: str, split: str, record_format: str = RECORDIO) -> str:
    """Return the key of what a channel reads instead of a prefix, so that it gets records and nothing else.

    A ManifestFile of the `.rec` files, or for `augmented` an AugmentedManifestFile of the image files.
    """
    if record_format == AUGMENTED:
        return f"{dataset_prefix(dataset_digest)}{IMAGE}/{_split(split)}.augmented.manifest"
    return f"{dataset_prefix(dataset_digest)}{record_format}/{_split(split)}.manifest"


def parts_prefix(dataset_digest: str) -> str:
    """Return the prefix of the reports of shards that are finished."""
    return f"{dataset_prefix(dataset_digest)}parts/"


def part(dataset_digest: str, split: str, number: int) -> str:
    """Return the key of the report of one finished shard."""
    return f"{parts_prefix(dataset_digest)}{_split(split)}/part-{number:05d}.json"


def given_split(sha256: str) -> str:
    """Return the key of a split somebody gave, by its content."""
    return f"splits/{_digest('split digest', sha256)}.csv"


def split_table(dataset_digest: str) -> str:
    """Return the key of the table of patients and their splits."""
    return f"{dataset_prefix(dataset_digest)}split.csv"


def quality(dataset_digest: str) -> str:
    """Return the key of a dataset's quality findings."""
    return f"{dataset_prefix(dataset_digest)}quality.json"


def index(dataset_digest: str) -> str:
    """Return the key of a dataset's index; without it the dataset does not exist."""
    return f"{dataset_prefix(dataset_digest)}index.json"


def report(dataset_digest: str) -> str:
    """Return the key of a dataset's report, a page for people."""
    return f"{dataset_prefix(dataset_digest)}report.html"


def report_picture(dataset_digest: str, name: str) -> str:
    """Return the key of one of the report's pictures."""
    return f"{dataset_prefix(dataset_digest)}report/{_name('picture', name)}.png"


def code_prefix(digest: str) -> str:
    """Return the prefix of code that travels into a job."""
    return f"code/{_digest('code digest', digest)}/"


def code_archive(digest: str) -> str:
    """Return the key of a training job's code."""
    return f"{code_prefix(digest)}sourcedir.tar.gz"


def job_prefix(job_name: str) -> str:
    """Return the prefix below which SageMaker writes what a job makes."""
    return f"jobs/{_name('job', job_name)}/"


def transform_prefix(job_name: str) -> str:
    """Return the prefix of a transform job's answers, an object for each of its inputs."""
    return f"{job_prefix(job_name)}transform/"


def tuning_prefix(job_name: str) -> str:
    """Return the prefix of what a tuning job found, for people and for the next stage."""
    return f"tuning/{_name('tuning job', job_name)}/"


def trials(job_name: str, suffix: str = "json") -> str:
    """Return the key of the table of a tuning job's training jobs, as `json` or `csv`."""
    return f"{tuning_prefix(job_name)}trials.{_name('suffix', suffix)}"


def tuning_page(job_name: str) -> str:
    """Return the key of the page on a tuning job; without it its tables may not all be there."""
    return f"{tuning_prefix(job_name)}tuning.html"


def tuning_picture(job_name: str, name: str) -> str:
    """Return the key of one of the page's charts."""
    return f"{tuning_prefix(job_name)}{_name('picture', name)}.png"


def tuned_defaults(variant: str) -> str:
    """Return the key of a variant's tuned hyperparameters, the present ones and those before."""
    return f"tuning/{_name('variant', variant)}/defaults.json"


def candidate_prefix(partition: str, variant: str) -> str:
    """Return the prefix of one variant's trained model of one partition."""
    return f"candidates/{_name('partition', partition)}/{_name('variant', variant)}/"


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
    return f"{candidate_prefix(partition, variant)}card.{_name('suffix', suffix)}"


def evaluation_report(partition: str, variant: str) -> str:
    """Return the key of the report on a candidate, a page for people."""
    return f"{candidate_prefix(partition, variant)}report.html"


def evaluation_picture(partition: str, variant: str, name: str) -> str:
    """Return the key of one of that report's charts."""
    return f"{candidate_prefix(partition, variant)}report/{_name('picture', name)}.png"


def heatmap(partition: str, variant: str, patient: str, slide: int) -> str:
    """Return the key of the picture of a slide with the probability that a candidate gives to each patch."""
    return f"{candidate_prefix(partition, variant)}heatmaps/{_name('patient', patient)}-{slide}.png"


def smoke(partition: str, variant: str) -> str:
    """Return the key of the deployed endpoint's answers for known patches."""
    return f"{candidate_prefix(partition, variant)}smoke.json"


def candidate(partition: str, variant: str) -> str:
    """Return the key of what a candidate is made of."""
    return f"{candidate_prefix(partition, variant)}candidate.json"


def feedback_prefix(day: str) -> str:
    """Return the prefix of the true labels of one day's answers."""
    year, month, date = _name("day", day).split("-")
    return f"feedback/{year}/{month}/{date}/"


def feedback(day: str, request_id: str, number: int = 1, tile: str = "") -> str:
    """Return the key of a true label, by its answer's day (`2026-11-25`), id, tile; number 2 corrects 1."""
    name = _name("request", f"{request_id}.{tile}" if tile else request_id)
    return f"{feedback_prefix(day)}{name}{f'.{number}' if number > 1 else ''}.json"


def decision(partition: str) -> str:
    """Return the key of what was decided about a partition's candidates, and of what came of it."""
    return f"candidates/{_name('partition', partition)}/decision.json"


def known_answers(model_sha256: str) -> str:
    """Return the key of some test patches with the answers that a model gave when it was evaluated."""
    return f"models/{_digest('model digest', model_sha256)}/known_answers.json"


def uri(bucket: str, key: str) -> str:
    """Return `s3://bucket/key`."""
    return f"s3://{bucket}/{key}"


def parse_uri(address: str) -> tuple[str, str]:
    """Return the bucket and key of an `s3://bucket/key` address; the key may be empty.

    Raises:
        ConfigurationError: it is no such address.
    """
    bucket, _, key = address[len("s3://") :].partition("/")
    if not address.startswith("s3://") or not bucket:
        raise ConfigurationError("S3 address", repr(address), "not one", "s3://bucket/key", "Correct it.")
    return bucket, key


def _name(what: str, value: str) -> str:
    if not _NAME.fullmatch(value) or ".." in value:
        rule = "at most 128 letters, digits, dots, dashes and underscores, no two dots in a row"
        raise ConfigurationError(what, repr(value), "not a name", rule, "Choose another.")
    return value


def _digest(what: str, value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise ConfigurationError(what, repr(value), "not a digest", "64 hexadecimal digits", "Use a SHA-256.")
    return value


def _split(value: str) -> str:
    if value not in SPLITS:
        raise ConfigurationError(
            "split", repr(value), "unknown", f"one of {', '.join(SPLITS)}", "Correct it."
        )
    return value
