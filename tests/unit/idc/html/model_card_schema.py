"""What SageMaker lets a model package's card hold: members, longest texts, most entries.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema
"""

from __future__ import annotations

from typing import Any


def text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def closed(required: tuple[str, ...] = (), **members: dict[str, Any]) -> dict[str, Any]:
    """An object of these members and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": members,
        "required": list(required),
    }


def many(items: dict[str, Any], most: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **({"maxItems": most} if most else {}), **more}


NAME = {"type": "string", "minLength": 1, "maxLength": 255}
SHORT_NAME = {"type": "string", "minLength": 1, "maxLength": 63}
NUMBER = {"type": "number"}
VALUED = closed(("name", "value"), name=NAME, value=NUMBER, notes=text(1024))
SIMPLE = closed(
    ("name", "type", "value"),
    name=NAME,
    type={"enum": ["number"]},
    value=NUMBER,
    notes=text(1024),
)
MATRIX = closed(
    ("name", "type", "value"),
    name=NAME,
    type={"enum": ["matrix"]},
    value=many(many(NUMBER, 20, minItems=1), 20, minItems=1),
    notes=text(1024),
    x_axis_name=many(text(63)),
    y_axis_name=many(text(63)),
)
GROUP = closed(("name", "metric_data"), name=SHORT_NAME, metric_data=many({"anyOf": [SIMPLE, MATRIX]}))
PACKAGE_CARD = closed(
    model_overview=closed(model_creator=text(1024), model_artifact=many(text(1024), 15)),
    intended_uses=closed(
        purpose_of_model=text(2048),
        intended_uses=text(2048),
        factors_affecting_model_efficiency=text(2048),
        risk_rating={"enum": ["High", "Medium", "Low", "Unknown"]},
        explanations_for_risk_rating=text(2048),
    ),
    training_details=closed(
        training_observations=text(1024),
        training_job_details=closed(
            training_arn=text(1024),
            training_datasets=many(text(1024), 15),
            training_metrics=many(VALUED, 50),
            hyper_parameters=many(closed(("name", "value"), name=NAME, value=NAME), 100),
        ),
    ),
    evaluation_details=many(
        closed(
            ("name",),
            name=SHORT_NAME,
            evaluation_observation=text(2096),
            datasets=many(text(1024), 10),
            metadata={"type": "object", "additionalProperties": text(1024)},
            metric_groups=many(GROUP),
        )
    ),
    additional_information=closed(
        ethical_considerations=text(2048),
        caveats_and_recommendations=text(2048),
        custom_details={"type": "object", "additionalProperties": text(1024)},
    ),
)
