"""What the table of jobs and the page of one job ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, status

from histoflow.pages import joblogs
from histoflow.pages.answers import answer
from histoflow.pages.sources import sources
from idc.dashboard import job as one_job, jobs
from idc.errors import ConfigurationError, HistoflowError
from idc.jobs.prices import prices
from idc.jobs.spec import JobKind

DAG_ID = "idc_train"  # who may read the DAG that trains may read how its jobs are doing

router = APIRouter(prefix="/api", dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


def job_kind(kind: str) -> JobKind:
    """Return the kind in an address, or answer that there is none."""
    try:
        return jobs.kind_of(kind)
    except ConfigurationError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error


Kind = Annotated[JobKind, Depends(job_kind)]


@router.get("/jobs")
def read_jobs(
    request: Request,
    text: Annotated[str, Query(max_length=63)] = "",
    kind: Annotated[list[str] | None, Query()] = None,
    state: Annotated[list[str] | None, Query()] = None,
    order: Literal["created", "name", "kind", "status", "duration"] = "created",
    descending: bool = True,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=jobs.LARGEST_PAGE)] = 25,
) -> Response:
    """Answer with one page of the jobs that are asked for, each described."""
    kinds, states = frozenset(map(job_kind, kind or ())), frozenset(state or ())
    query = jobs.Query(text, kinds, states, order, descending, page, size)
    known, now = sources().jobs.read(), datetime.now(UTC)
    found = query.answer(known.jobs, now)
    described = sources().executor.map(lambda job: _described(job, now), found.jobs)
    return answer(
        request,
        {
            "jobs": list(described),
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
            "counts": found.counts,
            "problems": known.problems,
            "is_cut": known.is_cut,
        },
    )


@router.get("/jobs/{kind}/{name}")
def read_job(request: Request, kind: Kind, name: str) -> Response:
    """Answer with everything on one job."""
    described, now = sources().descriptions.describe(kind, name), datetime.now(UTC)
    shown = one_job.details(kind, described, now, price)
    return answer(request, {**shown, **one_job.contents(kind, described)})


@router.get("/jobs/{kind}/{name}/log")
def read_log(
    request: Request,
    kind: Kind,
    name: str,
    stream: Annotated[str, Query(max_length=512)] = "",
    token: Annotated[str, Query(max_length=512)] = "",
) -> Response:
    """Answer with the end of a job's log, or with what came after `token`."""
    return answer(request, joblogs.read(sources().client("logs"), kind, name, stream, token))


def price(instance_type: str) -> float | None:
    """Return the price of an hour in US dollars, None where no table knows it."""
    return prices().per_hour.get(instance_type)


def _described(job: jobs.Job, now: datetime) -> dict[str, Any]:
    """Return a line of the table with its instances and cost, without them where it cannot be described."""
    line = job.shown(now)
    try:
        found = one_job.details(job.kind, sources().descriptions.read(job), now, price)
    except HistoflowError as error:
        return {**line, "problem": str(error)}
    told = ("secondary_status", "instance_type", "instances", "billable_s", "cost_usd")
    return {**line, **{name: found[name] for name in told}, "note": line["note"] or found["note"]}
