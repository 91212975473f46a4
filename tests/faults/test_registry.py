"""Versions of the model registry on an embedded AWS: registered once, served, and gone back from."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow_task
import pytest
from airflow.sdk.execution_time.context import set_current_context
from aws_jobs import waiting_for
from deployed import BROKEN, Endpoint, saying
from local_aws import LocalAws, everything_sent_to
from unit.idc.deploy.test_decision import SERVED, bounded, compared
from unit.idc.rehearsal import PARTITION, contents, filled, measured, packed, scored

from histoflow import deployment, runs
from histoflow.defaults import DECISION
from histoflow.hooks.endpoint import EndpointHook
from histoflow.hooks.registry import RegistryHook
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from idc import layout
from idc.deploy import stage
from idc.deploy.hosting import EndpointSpec
from idc.deploy.package import IMAGE, JSON, PackageSpec
from idc.deploy.version import APPROVED, PENDING, REJECTED, Version
from idc.errors import ConflictError, EndpointFailed, MissingObject
from idc.evaluate import pairing
from idc.evaluate.metrics_table import METRICS
from idc.settings import settings
from idc.storage import ObjectStore
from idc.train import candidates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
_numbers = itertools.count(1)


@pytest.fixture
def endpoint(embedded_aws: LocalAws) -> Iterator[Endpoint]:
    """An endpoint and a package group of its own; the settings name them."""
    made = Endpoint(embedded_aws)
    own = {
        "HISTOFLOW_BUCKET": embedded_aws.bucket,
        "HISTOFLOW_ROLE_ARN": embedded_aws.role_arn,
        "HISTOFLOW_ENDPOINT_NAME": made.name,
        "HISTOFLOW_MODEL_PACKAGE_GROUP": f"group-{time.time_ns()}",
        "HISTOFLOW_ENDPOINT_INSTANCE_COUNT": "1",
        "HISTOFLOW_ROLLOUT_WAIT_S": "0",
    }
    with everything_sent_to(embedded_aws, **own):
        settings.cache_clear()
        yield made
    settings.cache_clear()


def package(endpoint: Endpoint, text: str, script: str = "", **changes: Any) -> PackageSpec:
    """A version to register that answers with the text, or as the script says."""
    data, digest = endpoint.artifact(script or saying(text)), f"{next(_numbers):064x}"
    served = replace(SERVED, model_data=data, model_sha256=digest, partition="2026-01", **changes)
    container = {
        "Image": endpoint.aws.image,
        "ModelDataUrl": data,
        "Environment": {"SAGEMAKER_PROGRAM": "serve.py"},
    }
    request = {
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": [IMAGE],
            "SupportedResponseMIMETypes": [JSON],
        },
        "ModelApprovalStatus": PENDING,
        "CustomerMetadataProperties": served.to_metadata(),
    }
    return PackageSpec(settings().model_package_group, served, request)


def put_behind(endpoint: Endpoint, version: Version) -> None:
    """Approve and deploy a version, and note that it was."""
    RegistryHook().approve(version.arn, "good")
    spec = stage.endpoint(settings(), version)
    airflow_task.run(SageMakerEndpointDeployOperator(task_id="deploy", spec=spec))
    RegistryHook().mark_deployed(version.arn, endpoint.name)


def rolling_back(**params: Any) -> Any:
    """A run of idc_rollback as far as its tasks look at it."""
    events = {DECISION: SimpleNamespace(add_partitions=lambda keys: None)}
    values = {
        "params": {"version": None, "reason": "too many false alarms", **params},
        "outlet_events": events,
    }
    return set_current_context({**values, "dag_run": SimpleNamespace(run_id="r")})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rehearsal() -> tuple[str, dict[str, bytes]]:
    """A dataset's digest and everything that the stages before left, made before AWS is elsewhere."""
    digest, _, objects = contents()
    return digest, objects


def deploying(**left: Any) -> Any:
    """A run of idc_deploy as far as its tasks look at it; `left` is what tasks left before, by the key."""
    run = SimpleNamespace(run_id="r", partition_key=PARTITION)
    task = SimpleNamespace(
        xcom_push=lambda key, value: left.update({key: value}), xcom_pull=lambda task_ids, key: left.get(key)
    )
    return set_current_context({"params": {}, "dag_run": run, "ti": task})  # type: ignore[arg-type]


def measured_challenger(store: ObjectStore, digest: str, objects: dict[str, bytes]) -> dict[str, Any]:
    """A candidate whose figures are good on their own; its metrics.json."""
    key, artifact = "jobs/t/output/model.tar.gz", packed({"model.json": b"{}"})
    digest_of_model = filled(store, objects).put(key, artifact)
    candidate = candidates.Candidate(
        "mxnet", PARTITION, digest, "t", store.uri(key), digest_of_model, 1, {"epochs": "1"}, {}
    )
    candidates.write_candidate(store, candidate)
    scored(store, digest, "score-1")
    measured(store, "score-1")
    metrics = stage.metrics_of(store, PARTITION, "mxnet")
    metrics["test"] |= {"balanced_accuracy": bounded(0.9), "recall": bounded(0.9)}
    return metrics


def held_against(champion: Version, low: float) -> dict[str, Any]:
    """A comparison whose metrics all differ as the one that decides does, for the report."""
    found = compared(low, champion=pairing.described(champion.served))
    return {**{metric.key: found["balanced_accuracy"] for metric in METRICS}, **found}


def test_a_worse_challenger_is_not_deployed_and_a_better_one_is_registered(
    rehearsal: tuple[str, dict[str, bytes]], endpoint: Endpoint
) -> None:
    hook, store = RegistryHook(), runs.store()
    champion = hook.register(package(endpoint, "champion", synthetic=True))
    put_behind(endpoint, champion)
    metrics = measured_challenger(store, *rehearsal)
    key = layout.metrics(PARTITION, "mxnet")

    candidates.write_json(store, key, {**metrics, "comparison": held_against(champion, -0.1)})
    with deploying(chosen="register", answer={"is_approved": True, "reason": "of an earlier try"}):
        assert deployment.decide(deploying="register", keeping="keep") == "keep"
        concluded = deployment.conclude({"version": "v0-of-an-earlier-try"}, deploying="register")

    reason = f"not worse than {champion.name} missed: difference in balanced accuracy -0.080"
    assert [one.startswith(reason) for one in concluded["reasons"]] == [True]
    decision = stage.read_decision(store, PARTITION)
    assert (decision["outcome"], decision["result"]["is_deployed"]) == ("keep", False)
    assert decision["champion"]["version"] == champion.name
    assert endpoint.answer() == "champion"

    candidates.write_json(store, key, {**metrics, "comparison": held_against(champion, 0.1)})
    with deploying():
        assert deployment.decide(deploying="register", keeping="keep") == "register"
        found = deployment.register()
        assert deployment.register() == found
        assert not deployment.conclude(None, deploying="register")["is_deployed"]
    approved = {"is_approved": True, "reason": "yes"}
    with deploying(chosen="register", answer=approved):
        concluded = deployment.conclude({"version": found["name"]}, deploying="register")
    assert (concluded["is_deployed"], concluded["version"]) == (True, "v2-mxnet")

    version = hook.version(found["package"])
    assert (version.number, version.status, version.name) == (2, PENDING, "v2-mxnet")
    described = endpoint.sagemaker.describe_model_package(ModelPackageName=version.arn)
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == store.uri(key)
    assert "✓ sensitivity: lower bound 0.900" in found["question"]
    hook.reject(version.arn, "no")
    with deploying():
        assert deployment.decide(deploying="register", keeping="keep") == "keep"


def test_a_version_is_registered_once_even_if_the_answer_was_lost(endpoint: Endpoint) -> None:
    spec, hook = package(endpoint, "one"), RegistryHook()

    class Lost(BaseException):
        """The worker is gone before it hears of the new version."""

    def lose(**_: Any) -> None:
        raise Lost

    hook.api.meta.events.register("after-call.sagemaker.CreateModelPackage", lose)
    with contextlib.suppress(Lost):
        hook.register(spec)
    first = RegistryHook().register(spec)
    sent_again = endpoint.sagemaker.create_model_package(**spec.create_request())

    assert (first.number, first.status, first.served) == (1, PENDING, spec.served)
    assert sent_again["ModelPackageArn"] == first.arn
    assert [one.arn for one in RegistryHook().versions(spec.group)] == [first.arn]
    assert RegistryHook().register(package(endpoint, "two")).number == 2


def test_the_champion_is_what_the_endpoint_serves_now(endpoint: Endpoint) -> None:
    assert RegistryHook().served_by(endpoint.name) is None
    plain = endpoint.spec(saying("of no registry"))
    airflow_task.run(SageMakerEndpointDeployOperator(task_id="deploy", spec=plain.to_dict()))
    assert RegistryHook().served_by(endpoint.name) is None

    version = RegistryHook().register(package(endpoint, "one"))
    put_behind(endpoint, version)

    champion = RegistryHook().served_by(endpoint.name)
    assert champion is not None
    assert champion.served == version.served
    assert EndpointHook().model_data(endpoint.name) == version.served.model_data
    assert EndpointHook().invoke(endpoint.name, b"{}", JSON) == (b"one", version.name)


def test_an_endpoint_that_never_came_up_serves_no_champion(endpoint: Endpoint) -> None:
    with pytest.raises(EndpointFailed, match="Failed: "):
        put_behind(endpoint, RegistryHook().register(package(endpoint, "nothing", BROKEN)))
    assert endpoint.status() == "Failed"
    assert RegistryHook().served_by(endpoint.name) is None


def test_going_back_to_what_is_served_already_rejects_nothing(endpoint: Endpoint) -> None:
    hook = RegistryHook()
    one = hook.register(package(endpoint, "one"))
    put_behind(endpoint, one)

    with rolling_back(version=1):
        chosen = deployment.choose_earlier()
        facts = deployment.conclude_rollback(chosen, asset=DECISION)

    assert (facts["to"], facts["from"]) == (one.name, None)
    assert hook.version(one.arn).status == APPROVED


def test_one_goes_back_to_the_model_before_and_the_bad_one_stays_rejected(endpoint: Endpoint) -> None:
    hook = RegistryHook()
    one, two = (hook.register(package(endpoint, text)) for text in ("one", "two"))
    for version in (one, two):
        put_behind(endpoint, version)
    assert endpoint.answer() == "two"

    with rolling_back():
        chosen = deployment.choose_earlier()
        airflow_task.run(SageMakerEndpointDeployOperator(task_id="deploy", spec=chosen["spec"]))
        facts = deployment.conclude_rollback(chosen, asset=DECISION)

    assert endpoint.answer() == "one"
    assert (facts["to"], facts["from"]) == (one.name, two.name)
    [bad] = hook.versions(settings().model_package_group, REJECTED)
    assert (bad.arn, bad.reason) == (two.arn, f"Rolled back to {one.name}: too many false alarms")
    assert hook.version(one.arn).status == APPROVED
    with rolling_back(), pytest.raises(MissingObject, match=f"nothing was behind it before {one.name}"):
        deployment.choose_earlier()
    with rolling_back(version=2), pytest.raises(MissingObject, match="Rejected: Rolled back"):
        deployment.choose_earlier()


def test_nobody_goes_back_while_the_endpoint_is_being_updated(endpoint: Endpoint, tmp_path: Path) -> None:
    hook = RegistryHook()
    slow = waiting_for(tmp_path / "may-load") + saying("two")
    one, two = (hook.register(package(endpoint, *text)) for text in (("one",), ("two", slow)))
    put_behind(endpoint, one)
    hook.approve(two.arn, "good")
    spec = EndpointSpec.from_dict(stage.endpoint(settings(), two))

    assert EndpointHook().step(spec).state.is_changing
    with (
        rolling_back(),
        pytest.raises(ConflictError, match=f"endpoint {endpoint.name}: Updating, expected no update"),
    ):
        deployment.choose_earlier()
