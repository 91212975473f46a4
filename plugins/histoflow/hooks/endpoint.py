"""Create or update a SageMaker endpoint one step at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from histoflow.hooks.aws import AwsHook, aws_errors
from histoflow.hooks.resources import ResourceHook, raise_unless_absent
from histoflow.hooks.retired import RetiredHook
from histoflow.hooks.traffic import AlarmHook, ScalingHook
from idc.deploy.hosting import EndpointSpec
from idc.errors import HistoflowError, RequestRejected
from idc.jobs.state import EndpointState


@dataclass(frozen=True)
class Step:
    """An endpoint after one step, and whether the change under way leads to what was asked for."""

    state: EndpointState
    is_ours: bool


class EndpointHook(ResourceHook):
    """Creates and updates an endpoint; every step may be repeated."""

    def step(self, spec: EndpointSpec) -> Step:
        """Create missing alarms, model and configuration, then change the endpoint unless it is changing.

        Raises:
            RequestRejected: SageMaker refused a request.
            ServiceError: SageMaker could not be reached.
        """
        self._alarms.put(spec.alarms)
        self.ensure("model", "ModelName", spec.model_request())
        self.ensure("endpoint_config", "EndpointConfigName", spec.config_request())
        state = self.find(spec.endpoint)
        if state is None:
            return self._change("create_endpoint", spec.endpoint_request())
        if state.is_changing or state.serves(spec.config_name):
            return Step(state, is_ours=state.is_moving_to(spec.config_name))
        if state.status == "Failed":  # an endpoint that never came up can only be deleted
            with aws_errors("endpoint", spec.endpoint):
                self.api.delete_endpoint(EndpointName=spec.endpoint)
            return Step(replace(state, status="Deleting"), is_ours=False)
        self._scaling.deregister(spec.endpoint, kept_variant=spec.variant_name)
        try:
            return self._change("update_endpoint", spec.update_request())
        except RequestRejected:
            self.restore(spec, state)
            raise

    def settle(self, spec: EndpointSpec) -> None:
        """Let only the new variant scale, and remove unused resources; may be repeated."""
        if spec.scaling:
            self._scaling.register(spec.scaling, spec.endpoint, spec.variant_name)
        self._scaling.deregister(spec.endpoint, kept_variant=spec.variant_name if spec.scaling else None)
        kept = self._retired.remove(spec)
        if spec.alarms:
            self._alarms.remove(spec.endpoint, kept)

    def restore(self, spec: EndpointSpec, state: EndpointState) -> None:
        """Let the variant of the earlier configuration scale again."""
        config = self.describe("endpoint_config", "EndpointConfigName", state.config)
        if spec.scaling and config:
            variant = config["ProductionVariants"][0]["VariantName"]
            self._scaling.register(spec.scaling, spec.endpoint, variant)

    def find(self, name: str) -> EndpointState | None:
        """Return the state of the endpoint `name`, or None when there is none."""
        description = self.describe("endpoint", "EndpointName", name)
        return EndpointState.from_description(description) if description else None

    def model_data(self, name: str) -> str:
        """Return the address of the artifact behind the endpoint's first variant."""
        with aws_errors("endpoint", name):
            config = self.api.describe_endpoint(EndpointName=name)["EndpointConfigName"]
            variants = self.api.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
            model = self.api.describe_model(ModelName=variants[0]["ModelName"])
            container = model.get("PrimaryContainer") or model["Containers"][0]
            if "ModelPackageName" in container:
                arn = container["ModelPackageName"]
                package = self.api.describe_model_package(ModelPackageName=arn)
                container = package["InferenceSpecification"]["Containers"][0]
        return str(container["ModelDataUrl"])

    def invoke(self, name: str, body: bytes, content_type: str) -> tuple[bytes, str]:
        """Return the endpoint's answer to `body`, as JSON, and the production variant that gave it."""
        runtime = AwsHook("sagemaker-runtime", aws_conn_id=self.aws_conn_id, region_name=self._region_name)
        with aws_errors("endpoint", name):
            reply = runtime.api.invoke_endpoint(
                EndpointName=name, ContentType=content_type, Accept="application/json", Body=body
            )
            answer: bytes = reply["Body"].read()
        return answer, str(reply.get("InvokedProductionVariant", ""))

    async def poll(self, client: Any, name: str) -> EndpointState | None:
        """Return the state of the endpoint `name`, asked for with an asynchronous client."""
        try:
            with aws_errors("endpoint", name):
                return EndpointState.from_description(await client.describe_endpoint(EndpointName=name))
        except HistoflowError as error:
            raise_unless_absent(error)
            return None

    @cached_property
    def _alarms(self) -> AlarmHook:
        return AlarmHook(aws_conn_id=self.aws_conn_id, region_name=self._region_name)

    @cached_property
    def _scaling(self) -> ScalingHook:
        return ScalingHook(aws_conn_id=self.aws_conn_id, region_name=self._region_name)

    @cached_property
    def _retired(self) -> RetiredHook:
        return RetiredHook(aws_conn_id=self.aws_conn_id, region_name=self._region_name)

    def _change(self, operation: str, request: dict[str, Any]) -> Step:
        name = request["EndpointName"]
        with aws_errors("endpoint", name):
            getattr(self.api, operation)(**request)
            self.log.info("%s: %s", operation, request)
            description = self.api.describe_endpoint(EndpointName=name)
        return Step(EndpointState.from_description(description), is_ours=True)
