"""How traffic gets to a new model and what watches it: the requests beside those for model and endpoint.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import math
from typing import Any, Literal

from idc import layout
from idc.deploy.hosting import EndpointSpec, production_variant
from idc.settings import Settings

Style = Literal["canary", "linear", "all-at-once"]

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
POLICY = "histoflow-invocations"
SHORTEST_S, LONGEST_S = 600, 28800  # of a deployment, as the service has them
STARTING_S = 1800
COOLDOWN_S = {"ScaleInCooldown": 300, "ScaleOutCooldown": 60}


def deployment(settings: Settings, style: Style) -> dict[str, Any]:
    """Return an update's `DeploymentConfig`: blue/green, with a pause after every step of the traffic.

    A canary is at most half of the instances: with a single one, all traffic moves at once.
    """
    wait_s = settings.rollout_wait_s
    size = {"Type": "CAPACITY_PERCENT", "Value": settings.rollout_percent}
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": wait_s}
    steps = 1
    if settings.endpoint_instance_count > 1 and style == "canary":
        routing, steps = {**routing, "Type": "CANARY", "CanarySize": size}, 2
    elif settings.endpoint_instance_count > 1 and style == "linear":
        routing = {**routing, "Type": "LINEAR", "LinearStepSize": size}
        steps = math.ceil(100 / settings.rollout_percent)
    limit_s = min(max(STARTING_S + (steps + 1) * wait_s, SHORTEST_S), LONGEST_S)
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": wait_s,
            "MaximumExecutionTimeoutInSeconds": limit_s,
        }
    }


def alarms(settings: Settings, endpoint: str, name: str) -> list[dict[str, Any]]:
    """Return `PutMetricAlarm` requests for the production variant `name`: it fails, or it is slow."""
    common = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": name},
        ],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "ActionsEnabled": False,
    }
    return [
        {
            **common,
            "AlarmName": f"{endpoint}-{name}-errors",
            "AlarmDescription": "The share of invocations that the model answered with an error.",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Average",
            "Threshold": settings.alarm_error_share,
        },
        {
            **common,
            "AlarmName": f"{endpoint}-{name}-latency",
            "AlarmDescription": "How long the model takes to answer, the slowest hundredth, in microseconds.",
            "MetricName": "ModelLatency",
            "ExtendedStatistic": "p99",
            "Threshold": settings.alarm_latency_ms * 1000.0,
        },
    ]


def scaling(settings: Settings, endpoint: str, name: str) -> dict[str, Any] | None:
    """Return the scalable target and the policy that follows its load; None where nothing may scale."""
    least, most = settings.endpoint_instance_count, settings.endpoint_max_instance_count
    if most == least:
        return None
    whose = resource(endpoint, name)
    tracked = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    return {
        "target": {**whose, "MinCapacity": least, "MaxCapacity": most},
        "policy": {
            **whose,
            "PolicyName": POLICY,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": float(settings.endpoint_invocations_per_instance),
                "PredefinedMetricSpecification": tracked,
                **COOLDOWN_S,
            },
        },
    }


def resource(endpoint: str, name: str) -> dict[str, str]:
    """Return how Application Auto Scaling names a production variant."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": f"endpoint/{endpoint}/variant/{name}",
        "ScalableDimension": DIMENSION,
    }


def capture(settings: Settings) -> dict[str, Any] | None:
    """Return the `DataCaptureConfig` that keeps a sample of requests and answers, None for none."""
    if not settings.capture_percent:
        return None
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": settings.capture_percent,
        "DestinationS3Uri": layout.uri(settings.bucket, layout.CAPTURE.rstrip("/")),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }


def endpoint_spec(settings: Settings, *, package: str, name: str, style: Style | None = None) -> EndpointSpec:
    """Return the endpoint that serves a version of the model registry.

    `package` is the version's ARN, `name` the production variant's. `style` says how traffic moves; None
    takes the settings' value.
    """
    endpoint = settings.endpoint_name
    served = production_variant(
        instance_type=settings.endpoint_instance_type,
        instance_count=settings.endpoint_instance_count,
        name=name,
    )
    return EndpointSpec(
        endpoint=endpoint,
        model={"ExecutionRoleArn": settings.role_arn, "PrimaryContainer": {"ModelPackageName": package}},
        variant=served,
        capture=capture(settings),
        deployment=deployment(settings, style or settings.rollout),
        alarms=alarms(settings, endpoint, name),
        scaling=scaling(settings, endpoint, name),
        keep=settings.kept_models,
    )
