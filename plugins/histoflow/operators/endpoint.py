"""The operator that creates an endpoint or updates it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator

from histoflow.polling import AT_REST
from idc.deploy.hosting import EndpointSpec
from idc.errors import EndpointFailed

LOG_GROUP = "/aws/sagemaker/Endpoints"

if TYPE_CHECKING:
    from airflow.sdk import Context

    from histoflow.hooks.endpoint import EndpointHook, Step
    from idc.jobs.state import EndpointState


class SageMakerEndpointDeployOperator(BaseOperator):
    """Creates an endpoint, or updates it unless it serves the model already.

    `spec` is an `EndpointSpec` as plain values. Every step may be repeated: create missing alarms, model and
    configuration, request the change once, let the variant scale, remove unused resources. The task fails
    after an automatic rollback, even though the endpoint is in service then. Returns the names of the
    endpoint and of what it serves.

    There is no `on_kill`: SageMaker cannot cancel a change of an endpoint. A retry waits for it.
    """

    template_fields: Sequence[str] = ("spec",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"spec": "json"}

    def __init__(
        self,
        *,
        spec: Mapping[str, Any],
        limit_s: float | None = None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Deploy `spec`; one change of the endpoint may take `limit_s` seconds, or as its rollout says."""
        super().__init__(**kwargs)
        self.spec = spec
        self.limit_s = limit_s
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    @cached_property
    def hook(self) -> EndpointHook:
        """The hook, created at the first use in a task."""
        from histoflow.hooks.endpoint import EndpointHook

        return EndpointHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Take the next step towards `spec`, and wait for SageMaker."""
        spec = EndpointSpec.from_dict(self.spec)
        step = self.hook.step(spec)
        if step.state.serves(spec.config_name):
            self.log.info("Endpoint %s serves %s: nothing to do.", spec.endpoint, spec.config_name)
            return self._result(spec, step.state)
        return self._defer(spec, step)

    def resume(self, context: Context, event: dict[str, Any], is_ours: bool) -> dict[str, Any]:
        """Return what the endpoint serves; after a change of another task, take the next step."""
        spec = EndpointSpec.from_dict(self.spec)
        state = self.hook.find(spec.endpoint)
        if state is not None and state.serves(spec.config_name):
            return self._result(spec, state)
        if is_ours or event["outcome"] != AT_REST:
            self._print_log(spec.endpoint)
            if state is not None and state.status == "InService":
                self.hook.restore(spec, state)
            raise _failure(spec, state, event["message"] or event["outcome"])
        return self.execute(context)

    def _defer(self, spec: EndpointSpec, step: Step) -> NoReturn:
        from histoflow.triggers.sagemaker import SageMakerEndpointTrigger

        self.log.info("Endpoint %s is %s.", step.state.name, step.state.status)
        trigger = SageMakerEndpointTrigger(
            name=step.state.name,
            deadline=time.time() + (spec.limit_s if self.limit_s is None else self.limit_s),
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
        )
        self.defer(trigger=trigger, method_name="resume", kwargs={"is_ours": step.is_ours})

    def _result(self, spec: EndpointSpec, state: EndpointState) -> dict[str, Any]:
        self.hook.settle(spec)
        self.log.info("Endpoint %s serves the model %s.", spec.endpoint, spec.model_name)
        served = {"config": spec.config_name, "model": spec.model_name, "variant": spec.variant_name}
        return {"endpoint": spec.endpoint, "arn": state.arn, **served}

    def _print_log(self, endpoint: str) -> None:
        from histoflow.hooks.logs import LogsHook

        logs = LogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        logs.print_tail(f"{LOG_GROUP}/{endpoint}")


def _failure(spec: EndpointSpec, state: EndpointState | None, message: str) -> EndpointFailed:
    """Return the error for an endpoint that does not serve `spec`."""
    if state is None:
        observed = "gone"
    elif state.status == "InService":
        observed = f"rolled back to {state.config}: {state.failure_reason or 'no reason given'}"
    else:
        observed = f"{state.status}: {state.failure_reason or message or 'no reason given'}"
    action = f"Read its log in {LOG_GROUP}/{spec.endpoint}, mend the model and run the task again."
    return EndpointFailed("endpoint", spec.endpoint, observed, f"{spec.config_name} in service", action)
