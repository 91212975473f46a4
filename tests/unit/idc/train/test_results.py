"""What a training job left becomes a candidate that says where it comes from."""

from __future__ import annotations

import json

import pytest
from moto import mock_aws
from unit.idc.rehearsal import empty_store

from idc.train.results import trained_candidate


@mock_aws
def test_a_candidate_knows_the_code_and_the_search_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    store, digest = empty_store(), "c" * 64
    store.put("jobs/t/output/model.tar.gz", b"weights")
    code = json.dumps(store.uri(f"code/{digest}/sourcedir.tar.gz"))
    job = {"job": "t", "model_data": store.uri("jobs/t/output/model.tar.gz"), "run_s": 1}
    planned = {
        "variant": "mxnet",
        "dataset_digest": "d" * 64,
        "request": {"HyperParameters": {"epochs": "1", "sagemaker_submit_directory": code}},
    }

    tuned = trained_candidate(store, partition="2026-10", planned=planned, job=job, tuning_job="search")
    planned["request"] = {"HyperParameters": {"epochs": "1"}}
    amazons = trained_candidate(store, partition="2026-10", planned=planned, job=job)

    assert (tuned.code_digest, tuned.tuning_job) == (digest, "search")
    assert (amazons.code_digest, amazons.tuning_job) == ("", "")
