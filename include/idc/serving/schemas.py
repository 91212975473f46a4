"""Schemas of the REST API's requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DISCLAIMER = "Research software, not a diagnostic device."
LABELS = ("no invasive ductal carcinoma", "invasive ductal carcinoma")

Class = Annotated[Literal[0, 1], Field(description="1 is invasive ductal carcinoma (IDC)")]
Probability = Annotated[float, Field(ge=0, le=1)]
State = Literal["queued", "running", "succeeded", "failed", "cancelled", "deleted"]
ReasonCode = Literal["near_threshold", "little_tissue", "uniform", "colourless", "partial"]


class _Answer(BaseModel):
    """Members of every answer."""

    model_config = ConfigDict(
        populate_by_name=True, frozen=True, serialize_by_alias=True, protected_namespaces=()
    )


class ProblemDetails(_Answer):
    """What went wrong (RFC 9457)."""

    type: str = Field(
        description="a stable name of the problem", examples=["urn:histoflow:problem:too-large"]
    )
    title: str = Field(description="the problem in general")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what was observed, what is expected, what to do")
    request_id: str = Field(description="what to name when you ask the operator")
    disclaimer: str = DISCLAIMER


class Reason(_Answer):
    """A reason not to rely on an answer."""

    code: ReasonCode
    text: str = Field(description="the same for people")


class ModelVersion(_Answer):
    """The model version that answered."""

    version: str = Field(description="the version's name at the endpoint", examples=["v3-mxnet"])
    variant: str = Field(description="how the model was made", examples=["mxnet"])
    partition: str = Field(description="the snapshot of the data it learned from", examples=["2026-11"])
    card: str = Field(description="where its model card is", examples=["/v1/model/card?version=v3-mxnet"])


class Prediction(_Answer):
    """The answer for one patch."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "request_id": "5b1cbb0e19a74b6c9f0b3f8d2a6f4a11", "class": 1, "label": LABELS[1],
                "probability": 0.8342, "threshold": 0.31, "confident": True, "reasons": [],
                "model": {
                    "version": "v3-mxnet", "variant": "mxnet", "partition": "2026-11",
                    "card": "/v1/model/card?version=v3-mxnet",
                },
                "synthetic": True, "disclaimer": DISCLAIMER,
            }
        }
    )  # fmt: skip

    request_id: str = Field(description="names this answer when you send feedback")
    predicted: Class = Field(alias="class")
    label: str = Field(description="the class in words", examples=[LABELS[1]])
    probability: Probability = Field(description="the calibrated probability of class 1")
    threshold: Probability = Field(description="from this probability on the class is 1")
    confident: bool = Field(description="whether nothing speaks against relying on the answer")
    reasons: list[Reason] = Field(description="what speaks against it; empty if `confident`")
    model: ModelVersion
    synthetic: bool = Field(description="whether the model learned from generated, not real, tissue")
    disclaimer: str = DISCLAIMER


class BatchItem(_Answer):
    """One patch of several: its answer, or what was wrong with it."""

    index: int = Field(ge=0, description="its place in the request")
    filename: str | None = Field(description="the name it was sent with")
    prediction: Prediction | None = None
    problem: ProblemDetails | None = None


class Batch(_Answer):
    """The answers for several patches, in the order of the request."""

    request_id: str
    items: list[BatchItem]
    disclaimer: str = DISCLAIMER


class Tiles(_Answer):
    """How many tiles a slide has."""

    total: int
    scored: int = Field(description="the model has answered")
    background: int = Field(description="nearly white, not sent to the model")
    positive: int = Field(description="of those scored, at or above the threshold")


class SlideTiling(_Answer):
    """How the slide was cut into tiles."""

    tile_px: int = Field(description="the side of a tile, in pixels")
    step_px: int = Field(description="from one tile's left upper corner to the next one's, in pixels")


class SlideModel(_Answer):
    """A model version that answered for tiles of a slide."""

    version: str
    variant: str
    partition: str
    tiles: int
    threshold: Probability
    card: str


class Slide(_Answer):
    """A slide and how far it is."""

    id: str
    state: State
    progress: float = Field(ge=0, le=1)
    created_at: datetime
    updated_at: datetime
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    tiling: SlideTiling
    tiles: Tiles
    max_probability: Probability | None = Field(description="the highest of any tile so far")
    models: list[SlideModel] = Field(description="more than one while a new model is being rolled out")
    synthetic: bool = Field(description="whether a model learned from generated, not real, tissue")
    problem: ProblemDetails | None = Field(description="why it failed")
    links: dict[str, str] = Field(
        description="`self`, and once it has succeeded `heatmap` and `regions`",
        examples=[{"self": "/v1/slides/0f…", "heatmap": "/v1/slides/0f…/heatmap.png"}],
    )
    disclaimer: str = DISCLAIMER


class Slides(_Answer):
    """Your own slides, newest first."""

    slides: list[Slide]
    disclaimer: str = DISCLAIMER


class Polygon(_Answer):
    """A GeoJSON polygon; coordinates are pixels of the slide, y pointing down."""

    type: Literal["Polygon"]
    coordinates: list[list[tuple[float, float]]]


class RegionProperties(_Answer):
    """Properties of a region."""

    area_px: float
    tiles: int
    mean_probability: Probability
    max_probability: Probability


class Region(_Answer):
    """Tiles at or above the threshold that touch, as one GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    geometry: Polygon
    properties: RegionProperties


class Regions(_Answer):
    """A GeoJSON feature collection (RFC 7946, but in pixels), the largest region first."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Region]
    slide_id: str
    width: int
    height: int
    synthetic: bool
    disclaimer: str = DISCLAIMER


class EndpointModel(ModelVersion):
    """A model version at the endpoint, and where it comes from."""

    package: str = Field(description="its ARN in the SageMaker model registry")
    role: Literal["live", "pending"] = Field(description="`pending` while it is being rolled out")
    threshold: Probability
    temperature: float
    bias: float
    dataset_digest: str
    model_sha256: str
    training_job: str
    tuning_job: str
    code_digest: str
    synthetic: bool
    report_uri: str
    metrics_uri: str


class Limits(_Answer):
    """Limits of this server."""

    patch_px: int
    patch_max_bytes: int
    batch_max_items: int
    batch_max_bytes: int
    slide_max_bytes: int
    slide_max_pixels: int
    rate_limit: str


class Model(_Answer):
    """The endpoint and its models now."""

    endpoint: str
    status: str = Field(examples=["InService"])
    models: list[EndpointModel]
    labels: tuple[str, str] = Field(default=LABELS, description="of class 0 and class 1")
    limits: Limits
    disclaimer: str = DISCLAIMER


class Health(_Answer):
    """The server itself is up."""

    status: Literal["ok"] = "ok"
    disclaimer: str = DISCLAIMER


class Readiness(_Answer):
    """Whether a prediction would be answered now."""

    ready: bool
    endpoint: str
    endpoint_status: str
    versions: list[str] = Field(examples=[["v3-mxnet"]])
    detail: str | None = Field(description="why it is not ready")
    disclaimer: str = DISCLAIMER


class Tile(BaseModel):
    """A tile of a slide, by the pixel of its upper left corner."""

    model_config = ConfigDict(extra="forbid", strict=True)

    x: int = Field(ge=0)
    y: int = Field(ge=0)


class FeedbackIn(BaseModel):
    """The true label of a patch, or of a tile of a slide."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [
        {"request_id": "0123456789abcdef0123456789abcdef", "label": 1},
        {"request_id": "0123456789abcdef0123456789abcdef", "label": 0, "tile": {"x": 100, "y": 50}},
    ]})  # fmt: skip

    request_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="of the prediction, or the slide's id")
    label: Class
    tile: Tile | None = Field(default=None, description="for slides: which tile")
    comment: str | None = Field(default=None, max_length=1000, description="no names of patients, please")


class Feedback(_Answer):
    """Stored feedback."""

    request_id: str
    label: Class
    tile: Tile | None
    number: int = Field(ge=1, description="1 for the first label, more for corrections of it")
    received_at: datetime
    disclaimer: str = DISCLAIMER


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a body that is read by hand; what it refers to, answers hold too."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {name: value for name, value in schema.items() if name != "$defs"}
