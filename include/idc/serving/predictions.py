"""POST /v1/predictions and /v1/predictions/batch: patches, one or several."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from idc.serving import answers, bodies, descriptions, images
from idc.serving.access import allowed
from idc.serving.bodies import Limit
from idc.serving.keyring import Key
from idc.serving.ledger import Answer
from idc.serving.problems import Problem
from idc.serving.schemas import LABELS, Batch, BatchItem, Prediction
from idc.serving.service import Service, Shared
from idc.settings import ApiSettings

log = structlog.get_logger("idc.serving")

router = APIRouter(prefix="/v1/predictions", tags=["predictions"])

MULTIPART_OVERHEAD_BYTES = 4096  # boundaries and headers around a file

Predictor = Annotated[Key, Depends(allowed("predict"))]


@router.post(
    "", response_model=Prediction, summary="Score one patch",
    openapi_extra=descriptions.image_body("one patch of at most 50×50 pixels"),
    responses=descriptions.problems(400, 401, 403, 408, 413, 415, 422, 429, 500, 502, 503, 504),
)  # fmt: skip
async def predict(request: Request, key: Predictor, service: Shared) -> Response:
    """Answer whether a patch of tissue, stained with H&E, at 2.5×, shows invasive ductal carcinoma.

    The body is the image itself, PNG or JPEG, or a form with one file. Smaller patches, from the edge of a
    slide, are taken; what they lack becomes white.
    """
    image = await _image(request, service.settings)
    request_id: str = request.state.request_id
    prediction = await service.threads.run(lambda: answer(service, key, image, request_id))
    request.state.model = prediction.model.version
    return Response(prediction.model_dump_json(), media_type="application/json")


@router.post(
    "/batch", response_model=Batch, summary="Score several patches",
    openapi_extra=descriptions.files_body("patches of at most 50×50 pixels each"),
    responses=descriptions.problems(400, 401, 403, 408, 413, 415, 429),
)  # fmt: skip
async def predict_batch(request: Request, key: Predictor, service: Shared) -> Response:
    """Answer for each of several patches, the files of one form; a bad one does not affect the others."""
    settings = service.settings
    if bodies.media_type(request) != bodies.MULTIPART:
        raise bodies.wrong_type(request, bodies.MULTIPART)
    limit = Limit(settings.batch_max_bytes, settings.body_timeout_s, settings.body_idle_s)
    files = await bodies.uploads(request, limit, settings.batch_max_items)
    try:
        if len(files) > 1:
            await service.rate_limits.take(key, len(files) - 1, taken=1)
        batch = request.state.request_id
        work = [_item(service, key, batch, index, file) for index, file in enumerate(files)]
        items = await asyncio.gather(*work)
    finally:
        for file in files:
            await file.close()
    answered = Batch(request_id=batch, items=items)
    return Response(answered.model_dump_json(), media_type="application/json")


def answer(service: Service, key: Key, image: bytes, request_id: str) -> Prediction:
    """Score one patch and keep the answer for later feedback.

    Raises:
        Problem: the image is none that can be scored, or the endpoint does not answer.
    """
    patch = images.read_patch(image)
    started = time.perf_counter()
    scored = service.scorer.score(patch.encoded, request_id)
    service.measures.model_seconds.observe(time.perf_counter() - started)
    served, version = scored.version.served, scored.version
    reasons = answers.doubts(answers.Tissue.of(patch.pixels), scored.calibrated, served.threshold)
    predicted = 1 if scored.is_positive else 0
    service.ledger.add(
        Answer(
            request_id, key.tenant, time.time(), scored.raw, scored.calibrated, served.threshold,
            version.name, version.package, served.synthetic,
        )
    )  # fmt: skip
    service.measures.predictions.labels(version.name, predicted, str(not reasons).lower()).inc()
    return Prediction(
        request_id=request_id,
        predicted=predicted,
        label=LABELS[predicted],
        probability=scored.calibrated,
        threshold=served.threshold,
        confident=not reasons,
        reasons=reasons,
        model=version.shown,
        synthetic=served.synthetic,
    )


async def _image(request: Request, settings: ApiSettings) -> bytes:
    kind = bodies.media_type(request)
    size = settings.patch_max_bytes
    if kind in bodies.IMAGE_TYPES:
        return await bodies.read(request, Limit(size, settings.body_timeout_s, settings.body_idle_s))
    if kind != bodies.MULTIPART:
        raise bodies.wrong_type(request, *bodies.IMAGE_TYPES, bodies.MULTIPART)
    limit = Limit(size + MULTIPART_OVERHEAD_BYTES, settings.body_timeout_s, settings.body_idle_s)
    (file,) = await bodies.uploads(request, limit, 1)
    try:
        return await file.read()
    finally:
        await file.close()


async def _item(service: Service, key: Key, batch: str, index: int, file: UploadFile) -> BatchItem:
    request_id = secrets.token_hex(16)
    name = (file.filename or "")[:255]
    image = await file.read()
    try:
        if len(image) > service.settings.patch_max_bytes:
            raise bodies.too_large(f"{len(image)} bytes", Limit(service.settings.patch_max_bytes, 0, 0))
        prediction = await service.threads.run(lambda: answer(service, key, image, request_id))
    except Problem as problem:
        service.measures.problems.labels(problem.kind.name).inc()
        log.info(
            "item", request_id=request_id, batch=batch, tenant=key.tenant, key=key.id,
            problem=problem.kind.name,
        )  # fmt: skip
        return BatchItem(index=index, filename=name, problem=problem.details(request_id))
    return BatchItem(index=index, filename=name, prediction=prediction)
