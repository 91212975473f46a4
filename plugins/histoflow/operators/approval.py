"""The operator that approves a registered model, or asks a person to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from histoflow.hooks.registry import RegistryHook

ANSWER = "answer"
NOBODY_ASKED = "Nobody was to be asked: what idc_deploy decided holds."


class ModelApprovalOperator(ApprovalOperator):
    """Approves the model package `package`: asks a person in Airflow if the settings say so.

    A refusal is written to the registry, and the tasks after this one are skipped. No answer in time skips
    them too, but leaves the package pending. A package that is approved already is not asked about again.
    Returns whether it is approved, and why.
    """

    template_fields: Collection[str] = ("subject", "body", "package")

    def __init__(
        self,
        *,
        package: str,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Approve `package`, an ARN; `subject` and `body` are what a person reads."""
        # The form limits how long a person may take; a time limit of the task would end the wait earlier.
        super().__init__(defaults=self.REJECT, **{**kwargs, "execution_timeout": None})
        self.package = package
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    @cached_property
    def hook(self) -> RegistryHook:
        """The hook, created at the first use in a task."""
        from histoflow.hooks.registry import RegistryHook

        return RegistryHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def execute(self, context: Context) -> dict[str, Any]:
        """Approve, or wait for a person's answer."""
        from histoflow import runs
        from idc.deploy.version import APPROVED

        version = self.hook.version(self.package)
        if version.status == APPROVED:
            self.log.info("%s is approved already: %s", version.name, version.reason)
            return _answer(context, True, version.reason)
        if not runs.is_person_asked():
            self.hook.approve(self.package, NOBODY_ASKED)
            return _answer(context, True, NOBODY_ASKED)
        self.response_timeout = runs.approval_timeout()
        return super().execute(context)  # type: ignore[no-any-return]

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Write the answer to the registry; skip the tasks after this one unless it is yes."""
        if "error" in event:
            self.process_trigger_event_error(event)
        is_approved = event["chosen_options"] == [self.APPROVE]
        if is_approved:
            reason = f"Approved by {_who(event)} in Airflow."
            self.hook.approve(self.package, reason)
        elif event["timedout"]:
            reason = "Nobody approved it in time, which means no."
            self.hook.leave_pending(self.package, reason)
        else:
            reason = f"Rejected by {_who(event)} in Airflow."
            self.hook.reject(self.package, reason)
        answer = _answer(context, is_approved, reason)
        super().execute_complete(context, event)  # raises to skip the tasks after this one
        return answer


def _who(event: Mapping[str, Any]) -> str:
    return str((event.get("responded_by_user") or {}).get("name") or "somebody")


def _answer(context: Context, is_approved: bool, reason: str) -> dict[str, Any]:
    """Return the answer, and push it: a task that skips others loses its return value."""
    found = {"is_approved": is_approved, "reason": reason}
    context["ti"].xcom_push(key=ANSWER, value=found)
    return found
