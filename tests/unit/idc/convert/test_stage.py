"""An archive becomes a snapshot, a snapshot a dataset."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from unit.idc.rehearsal import (
    PARTITION,
    SAMPLE,
    SETTINGS,
    plan_conversion,
)

from idc.convert import stage as convert
from idc.converter.conversion import ConversionSettings
from idc.errors import ConfigurationError, MissingObject, SnapshotConflict
from idc.ingest import stage as ingest
from idc.ingest.http_responses import address
from idc.storage import ObjectStore
from idc.train import candidates


def test_ingest_says_what_came_in_and_that_it_is_there_already(store: ObjectStore) -> None:
    first = ingest.run(store, partition=PARTITION, archive=SAMPLE)
    again = ingest.run(store, partition=PARTITION, archive=SAMPLE)

    assert (first["patients"], first["synthetic"], first["is_reused"]) == (8, True, False)
    assert again == {**first, "is_reused": True}


def test_ingest_needs_an_archive_and_keeps_the_first(snapshot: ObjectStore) -> None:
    with pytest.raises(ConfigurationError, match="HISTOFLOW_ARCHIVE"):
        ingest.choose(None, None, has_kaggle=False)
    with pytest.raises(SnapshotConflict):
        ingest.run(snapshot, partition=PARTITION, archive="synthetic://?patients=9&patches=160&seed=3")


def test_a_given_split_is_kept_and_its_address_forgotten(store: ObjectStore, tmp_path: Path) -> None:
    table = tmp_path / "split.csv"
    table.write_text("patient,split\n1,train\n2,test\n")

    kept = ingest.keep_split(store, str(table))

    assert kept is not None
    assert kept.startswith(f"s3://{store.bucket}/splits/")
    assert ingest.keep_split(store, kept) == kept
    assert ingest.keep_split(store, None) is None
    assert address("https://u:p@h/split.csv?X-Amz-Signature=s") == "https://h/split.csv"
    assert address(str(table)) == str(table)


def test_a_conversion_needs_a_snapshot(store: ObjectStore) -> None:
    with pytest.raises(MissingObject, match="idc_ingest"):
        plan_conversion(store)


def test_a_conversion_is_planned_for_what_does_not_exist(snapshot: ObjectStore) -> None:
    planned = plan_conversion(snapshot)

    assert planned.spec is not None
    request = planned.spec.request
    code = request["ProcessingInputs"][0]["S3Input"]["S3Uri"].removeprefix(f"s3://{SETTINGS.bucket}/")
    assert snapshot.head(f"{code}idc/converter/convert.py")
    assert planned.dataset_digest in request["AppSpecification"]["ContainerArguments"]
    assert request["Environment"]["PYTHONPATH"] == "/opt/ml/processing/input/code"


def test_a_dataset_that_exists_is_not_made_again_and_the_log_says_so(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        planned = plan_conversion(snapshot)

    assert planned.to_dict() == {"dataset_digest": dataset, "spec": None}
    assert f"Dataset {dataset} exists" in caplog.text


def test_other_options_are_another_dataset(snapshot: ObjectStore, dataset: str) -> None:
    planned = plan_conversion(snapshot, ConversionSettings(seed=8))

    assert planned.dataset_digest != dataset
    assert planned.spec is not None


def test_a_published_dataset_is_the_partitions_own(snapshot: ObjectStore, dataset: str) -> None:
    facts = convert.publish(snapshot, partition=PARTITION, dataset_digest=dataset)

    assert candidates.dataset_digest(snapshot, PARTITION) == dataset
    assert sum(facts["patients"].values()) == 8
    assert facts["synthetic"] is True


def test_without_an_index_there_is_nothing_to_publish(snapshot: ObjectStore) -> None:
    with pytest.raises(MissingObject, match=r"no index\.json"):
        convert.publish(snapshot, partition=PARTITION, dataset_digest="0" * 64)
    with pytest.raises(MissingObject, match="idc_convert"):
        candidates.dataset_digest(snapshot, PARTITION)
