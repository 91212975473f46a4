"""/v1/slides: larger images, scored tile by tile as a job that is asked about until it is done."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idc.serving import bodies, descriptions, heatmap, images, regions
from idc.serving.access import allowed
from idc.serving.aws import RETRY_LATER
from idc.serving.bodies import Limit
from idc.serving.keyring import Key
from idc.serving.problems import GONE, NOT_FOUND, NOT_READY, STORAGE_UNAVAILABLE, TOO_MANY_SLIDES, Problem
from idc.serving.schemas import ProblemDetails, Regions, Slide, SlideModel, Slides, SlideTiling, Tiles
from idc.serving.service import Service, Shared
from idc.serving.slide_records import SlideRecord, VersionRecord
from idc.settings import ApiSettings

router = APIRouter(prefix="/v1/slides", tags=["slides"])

CHUNK_BYTES = 1 << 20
GEOJSON = "application/geo+json"
ENDED = ("cancelled", "deleted")


class GeoJson(JSONResponse):
    """GeoJSON (RFC 7946)."""

    media_type = GEOJSON


Viewer = Annotated[Key, Depends(allowed("slides"))]


@router.post(
    "", response_model=Slide, status_code=202, summary="Begin to score a larger image",
    openapi_extra=descriptions.image_body("an image of a slide, or of a part of one, at 2.5× (4 µm a pixel)"),
    responses={
        202: {
            "description": "It is queued; ask at Location",
            "headers": {"Location": {"schema": {"type": "string"}, "description": "the slide"}},
        },
        **descriptions.problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
    },
)  # fmt: skip
async def begin(request: Request, key: Viewer, service: Shared) -> Response:
    """Take an image, which is cut into tiles of 50×50 pixels and deleted once they are scored.

    Tiles that are nearly white are counted as background and not scored.
    """
    under_way = service.slide_records.unfinished(key.tenant) + service.uploads[key.tenant]
    if under_way >= service.settings.slides_per_tenant:
        raise _too_many(service)
    service.uploads[key.tenant] += 1
    slide_id = secrets.token_hex(16)
    path = service.slide_work.path(slide_id)
    partial = path.with_name(f"{slide_id}.part")
    try:
        await _receive(request, service.settings, partial)
        size = await service.background.run(lambda: _size(partial, service.settings.slide_max_pixels))
        partial.rename(path)
        if not service.slide_records.add(slide_id, key.tenant, size, service.settings.slides_per_tenant):
            raise _too_many(service)
    except BaseException:
        partial.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise
    finally:
        service.uploads[key.tenant] -= 1
    service.slide_work.wake()
    shown = await service.background.run(lambda: _shown(service, _own(service, slide_id, key)))
    headers = {"Location": f"/v1/slides/{slide_id}"}
    return Response(shown.model_dump_json(), 202, headers, media_type="application/json")


@router.get(
    "", response_model=Slides, summary="One's own slides",
    responses=descriptions.problems(401, 403, 422, 429),
)  # fmt: skip
async def all_own(
    key: Viewer,
    service: Shared,
    limit: Annotated[int, Query(ge=1, le=100, description="at most so many")] = 20,
) -> Slides:
    """Return the tenant's newest slides."""

    def look() -> Slides:
        records = service.slide_records.newest(key.tenant, limit)
        return Slides(slides=[_shown(service, record) for record in records])

    return await service.background.run(look)


@router.get(
    "/{id}", response_model=Slide, summary="How far a slide is",
    responses=descriptions.problems(401, 403, 404, 422, 429),
)  # fmt: skip
async def status(id: str, key: Viewer, service: Shared) -> Slide:
    """Return state, progress from 0 to 1, and what has been found so far."""
    return await service.background.run(lambda: _shown(service, _own(service, id, key)))


@router.delete(
    "/{id}", response_model=Slide, summary="Cancel or delete a slide",
    responses=descriptions.problems(401, 403, 404, 422, 429),
)  # fmt: skip
async def cancel(id: str, key: Viewer, service: Shared) -> Slide:
    """Cancel a slide if it has not ended, and delete its answers."""

    def end() -> Slide:
        slide = _own(service, id, key)
        is_cancelled = service.slide_records.end(id, "cancelled")
        service.slide_records.erase(id, "cancelled" if is_cancelled else "deleted")
        service.slide_work.discard(id)
        return _shown(service, _own(service, slide.id, key))

    return await service.background.run(end)


@router.get(
    "/{id}/heatmap.png", summary="The heatmap", response_class=Response,
    responses={
        200: {
            "description": "A transparent layer to lay over the image, of its proportions",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        **descriptions.problems(401, 403, 404, 409, 410, 422, 429),
    },
)  # fmt: skip
async def heatmap_png(id: str, key: Viewer, service: Shared) -> Response:
    """Return each tile in the colour of its calibrated probability; background is clear."""

    def draw() -> bytes:
        slide = _finished(service, id, key)
        return heatmap.draw(slide.grid, service.slide_records.tiles(id))

    return Response(await service.background.run(draw), media_type="image/png")


@router.get(
    "/{id}/regions.geojson", summary="The regions", response_class=GeoJson, response_model=Regions,
    responses=descriptions.problems(401, 403, 404, 409, 410, 422, 429),
)  # fmt: skip
async def regions_geojson(id: str, key: Viewer, service: Shared) -> Response:
    """Return the polygons of tiles at or above the threshold that touch, in pixels of the image."""

    def find() -> Regions:
        slide = _finished(service, id, key)
        features = regions.find(slide.grid, service.slide_records.tiles(id))
        return Regions(
            features=features, slide_id=id, width=slide.width, height=slide.height,
            synthetic=any(version.synthetic for version in service.slide_records.versions(id)),
        )  # fmt: skip

    found = await service.background.run(find)
    return GeoJson(found.model_dump(mode="json"))


async def _receive(request: Request, settings: ApiSettings, path: Path) -> None:
    """Stream the body's image to a file."""
    kind = bodies.media_type(request)
    limit = Limit(settings.slide_max_bytes, settings.slide_body_timeout_s, settings.body_idle_s)
    if kind in bodies.IMAGE_TYPES:
        await _write(path, bodies.stream(request, limit))
    elif kind == bodies.MULTIPART:
        (file,) = await bodies.uploads(request, limit, 1)
        try:
            await _write(path, _chunks(file))
        finally:
            await file.close()
    else:
        raise bodies.wrong_type(request, *bodies.IMAGE_TYPES, bodies.MULTIPART)


async def _write(path: Path, chunks: AsyncIterator[bytes]) -> None:
    gathered = bytearray()
    try:
        file: BinaryIO = await asyncio.to_thread(path.open, "xb")
        with file:
            async for chunk in chunks:
                gathered += chunk
                if len(gathered) >= CHUNK_BYTES:
                    await asyncio.to_thread(file.write, bytes(gathered))
                    gathered.clear()
            await asyncio.to_thread(file.write, bytes(gathered))
    except OSError as error:
        detail = "The slide: it cannot be stored now. Try again later."
        raise Problem(STORAGE_UNAVAILABLE, detail, RETRY_LATER) from error


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


def _size(path: Path, most_pixels: int) -> tuple[int, int]:
    with path.open("rb") as file:
        return images.slide_size(file, most_pixels)


def _own(service: Service, id: str, key: Key) -> SlideRecord:
    slide = service.slide_records.find(id, key.tenant)
    if slide is None:
        raise Problem(NOT_FOUND, f"The slide {id[:64]}: not one of yours. See /v1/slides.")
    return slide


def _finished(service: Service, id: str, key: Key) -> SlideRecord:
    slide = _own(service, id, key)
    if slide.state in ENDED:
        raise Problem(GONE, f"The slide {id}: {slide.state}. Send the image again.")
    if slide.state != "succeeded":
        raise Problem(NOT_READY, f"The slide {id}: {slide.state}, expected succeeded. See /v1/slides/{id}.")
    return slide


def _too_many(service: Service) -> Problem:
    most = service.settings.slides_per_tenant
    detail = f"The slides: {most} of yours are not finished, expected fewer. Wait, or cancel one."
    return Problem(TOO_MANY_SLIDES, detail, {"Retry-After": "30"})


def _shown(service: Service, slide: SlideRecord) -> Slide:
    versions = service.slide_records.versions(slide.id)
    background = service.slide_records.background(slide.id)
    scored, total = sum(version.tiles for version in versions), slide.grid.count
    links = {"self": f"/v1/slides/{slide.id}"}
    if slide.state == "succeeded":
        links |= {name: f"{links['self']}/{file}" for name, file in _RESULTS.items()}
    return Slide(
        id=slide.id,
        state=slide.state,
        progress=1.0 if slide.state == "succeeded" else (scored + background) / total,
        created_at=datetime.fromtimestamp(slide.created_at, UTC),
        updated_at=datetime.fromtimestamp(slide.updated_at, UTC),
        width=slide.width,
        height=slide.height,
        tiling=SlideTiling(tile_px=slide.grid.tiling.tile_px, step_px=slide.grid.tiling.step_px),
        tiles=Tiles(
            total=total, scored=scored, background=background,
            positive=sum(version.positive for version in versions),
        ),
        max_probability=max((version.max_probability for version in versions), default=None),
        models=[_model(version) for version in versions],
        synthetic=any(version.synthetic for version in versions),
        problem=ProblemDetails.model_validate_json(slide.problem) if slide.problem else None,
        links=links,
    )  # fmt: skip


_RESULTS = {"heatmap": "heatmap.png", "regions": "regions.geojson"}


def _model(version: VersionRecord) -> SlideModel:
    return SlideModel(
        version=version.name,
        variant=version.variant,
        partition=version.partition,
        tiles=version.tiles,
        threshold=version.threshold,
        card=f"/v1/model/card?version={version.name}",
    )
