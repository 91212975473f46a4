"""A person's yes, a person's no and no answer at all, on a real Airflow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from local_aws import wait_until
from unit.idc.deploy.test_decision import SERVED
from workshop import Workshop

from stack.rest import AirflowApi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GROUP = "approvals"


class Question:
    """A version that has been registered, and the run that asks whether it is to be served."""

    def __init__(self, house: Workshop, api: AirflowApi, **conf: Any) -> None:
        self.sagemaker, self.api = house.client("sagemaker"), api
        self.package = self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            InferenceSpecification={
                "Containers": [{"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1"}],
                "SupportedContentTypes": ["application/x-image"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties=SERVED.to_metadata(),
        )["ModelPackageArn"]
        path, self.run_id = "/dags/approval/dagRuns", f"version-{self.package.rpartition('/')[2]}"
        given = {"package": self.package, "approval": "human", **conf}
        body = {"dag_run_id": self.run_id, "logical_date": None, "conf": given}
        api._create(path, body, f"{path}/{self.run_id}")

    def states(self) -> dict[str, str]:
        tasks = self.api.task_instances("approval", self.run_id)
        return {task["task_id"]: task["state"] for task in tasks}

    def answered(self, choice: str) -> dict[str, Any]:
        """Answer as a person does, who takes some seconds, and return what `end` does.

        While Airflow parks the task, an answer would make it take the task for one that was killed.
        """
        asked: list[int] = []
        path = f"/dags/approval/dagRuns/{self.run_id}/taskInstances/approve/-1/hitlDetails"

        def answer() -> bool:
            asked.append(1) if self.states()["approve"] == "awaiting_input" else asked.clear()
            if len(asked) == 6:
                assert self.api._request("GET", path).json()["body"] == "**figures**"
                self.api._request("PATCH", path, json={"chosen_options": [choice]})
            return self.has_ended()

        wait_until(answer, 300, period_s=1)
        return self.end()

    def has_ended(self) -> bool:
        return self.api.run("approval", self.run_id)["state"] in ("success", "failed")

    def end(self) -> dict[str, Any]:
        """The result of the last task, once the run has ended well."""
        wait_until(self.has_ended, 300, period_s=0.5)
        assert self.api.run("approval", self.run_id)["state"] == "success", self.states()
        path = f"/dags/approval/dagRuns/{self.run_id}/taskInstances/conclude/xcomEntries/return_value"
        found = self.api._request("GET", path).json()["value"]
        return dict(json.loads(found) if isinstance(found, str) else found)

    def registered(self) -> tuple[str, str]:
        found = self.sagemaker.describe_model_package(ModelPackageName=self.package)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")


def test_yes_no_and_silence(house: Workshop) -> None:
    house.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    with house.airflow() as api:
        api._client.timeout = 180  # on a busy machine a run is made slowly, and must not be asked for twice
        wait_until(lambda: api.dag("approval"), 300, period_s=0.5)
        yes, no = Question(house, api), Question(house, api)
        silence = Question(house, api, approval_timeout_s=3)
        nobody = Question(house, api, approval="automatic")

        assert yes.answered("Approve") == {
            "answered": "deployed",
            "is_approved": True,
            "reason": "Approved by admin in Airflow.",
        }
        assert yes.registered() == ("Approved", "Approved by admin in Airflow.")

        assert no.answered("Reject")["is_approved"] is False
        assert no.states() == {"approve": "success", "deploy": "skipped", "conclude": "success"}
        assert no.registered() == ("Rejected", "Rejected by admin in Airflow.")

        assert silence.end()["is_approved"] is False
        assert silence.states()["deploy"] == "skipped"
        status, reason = silence.registered()
        assert (status, reason) == ("PendingManualApproval", "Nobody approved it in time, which means no.")

        assert nobody.end()["answered"] == "deployed"
        assert nobody.registered()[0] == "Approved"
