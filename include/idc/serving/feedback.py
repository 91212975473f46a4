"""POST /v1/feedback: true labels, kept in S3 for good; a later, different label is kept beside the first."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from botocore.exceptions import ClientError
from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from idc import layout
from idc.aws_errors import is_taken
from idc.serving import bodies, descriptions, tiles
from idc.serving.access import allowed
from idc.serving.aws import stored
from idc.serving.bodies import Limit
from idc.serving.keyring import Key
from idc.serving.ledger import Answer, Label
from idc.serving.problems import INVALID, MALFORMED, NOT_FOUND, Problem
from idc.serving.schemas import Feedback, FeedbackIn, json_schema
from idc.serving.service import Service, Shared

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])

JSON = "application/json"
MAX_BYTES = 16 << 10
MOST_LABELS = 20

Labeller = Annotated[Key, Depends(allowed("feedback"))]


@router.post(
    "", response_model=Feedback, status_code=201, summary="Send the true label",
    openapi_extra=descriptions.json_body(json_schema(FeedbackIn)),
    responses={
        200: {"description": "This very label is kept already", "model": Feedback},
        **descriptions.problems(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    },
)  # fmt: skip
async def send(request: Request, key: Labeller, service: Shared) -> Response:
    """Keep the true label of a patch, or of a tile of a slide, that this API has answered about for you.

    The same label again changes nothing. Another label is kept as a correction, with the next number.
    """
    settings = service.settings
    if bodies.media_type(request) != JSON:
        raise bodies.wrong_type(request, JSON)
    body = await bodies.read(request, Limit(MAX_BYTES, settings.body_timeout_s, settings.body_idle_s))
    given = _parsed(body)
    kept, is_new = await service.feedback.run(lambda: _keep(service, key, given))
    return Response(kept.model_dump_json(), 201 if is_new else 200, media_type=JSON)


def _parsed(body: bytes) -> FeedbackIn:
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(MALFORMED, "The body: no JSON, expected an object. Correct it.") from error
    try:
        return FeedbackIn.model_validate_json(body)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)
        )
        raise Problem(INVALID, f"The body: {said[:1000]}. Correct it.") from error


def _keep(service: Service, key: Key, given: FeedbackIn) -> tuple[Feedback, bool]:
    """Write a label to S3 unless it is the newest one already; one at a time."""
    answer = _answer(service, key, given)
    tile = tiles.tile_name(given.tile.x, given.tile.y) if given.tile else ""
    newest = service.ledger.label(given.request_id, tile)
    if newest is not None and newest.label == given.label:
        return _shown(given, newest), False
    number = newest.number + 1 if newest else 1
    while number <= MOST_LABELS:
        label = Label(number, given.label, time.time())
        kept = _write(service, key, given, answer, tile, label)
        service.ledger.add_label(given.request_id, tile, kept)
        if kept.label == given.label:
            is_new = kept is label
            if is_new:
                service.measures.feedback.labels(str(answer.is_right(given.label)).lower()).inc()
            return _shown(given, kept), is_new
        number += 1
    detail = f"The label: {MOST_LABELS} are kept of this already, expected fewer. Tell the operator."
    raise Problem(INVALID, detail)


@dataclass(frozen=True)
class _Answered:
    """What the model had said; times are seconds since 1970."""

    at: float
    raw: float
    probability: float
    threshold: float
    version: str
    package: str
    synthetic: bool

    def is_right(self, label: int) -> bool:
        """Whether the answer's class was the true one."""
        return (self.probability >= self.threshold) == bool(label)


def _answer(service: Service, key: Key, given: FeedbackIn) -> _Answered:
    if given.tile is None:
        found = service.ledger.find(given.request_id, key.tenant)
        if found is not None:
            return _of_patch(found)
    else:
        answered = _of_tile(service, key, given.request_id, given.tile.x, given.tile.y)
        if answered is not None:
            return answered
    where = f"tile {given.tile.x}, {given.tile.y} of " if given.tile else ""
    detail = f"The answer {where}{given.request_id}: not one of yours, expected one given before."
    raise Problem(NOT_FOUND, detail)


def _of_patch(answer: Answer) -> _Answered:
    values = {name: value for name, value in asdict(answer).items() if name not in ("request_id", "tenant")}
    return _Answered(**values)


def _of_tile(service: Service, key: Key, id: str, x: int, y: int) -> _Answered | None:
    slide = service.slide_records.find(id, key.tenant)
    number = slide.grid.number(x, y) if slide else None
    if slide is None or number is None:
        return None
    tile = service.slide_records.tile(id, number)
    if tile is None:
        return None
    version = service.slide_records.version(id, tile.version)
    return _Answered(
        slide.created_at, tile.raw, tile.probability, tile.threshold, tile.version, version.package,
        version.synthetic,
    )  # fmt: skip


def _write(
    service: Service, key: Key, given: FeedbackIn, answer: _Answered, tile: str, label: Label
) -> Label:
    """Write a label under its number; return the one that is there, which an earlier try may have written."""
    day = f"{datetime.fromtimestamp(answer.at, UTC):%Y-%m-%d}"
    name = layout.feedback(day, given.request_id, label.number, tile)
    body: dict[str, Any] = {
        "request_id": given.request_id,
        "tile": given.tile.model_dump() if given.tile else None,
        "label": label.label,
        "number": label.number,
        "received_at": _iso(label.at),
        "comment": given.comment,
        "tenant": key.tenant,
        "answer": {**asdict(answer), "at": _iso(answer.at)},
    }
    s3, bucket = service.clients.s3, service.settings.bucket
    with stored(f"feedback on {given.request_id}"):
        try:
            s3.put_object(
                Bucket=bucket,
                Key=name,
                Body=json.dumps(body, indent=1).encode(),
                ContentType=JSON,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if not is_taken(error):
                raise
            there = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
            at = datetime.fromisoformat(there["received_at"]).timestamp()
            return Label(label.number, int(there["label"]), at)
    return label


def _shown(given: FeedbackIn, label: Label) -> Feedback:
    return Feedback(
        request_id=given.request_id,
        label=given.label,
        tile=given.tile,
        number=label.number,
        received_at=datetime.fromtimestamp(label.at, UTC),
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
