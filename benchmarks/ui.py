"""Compare the page Breast cancer models with the plain AWS calls it makes, for 1,000 jobs and 36 partitions.

Each view is asked for as a browser does, without Airflow in front: `first`, when nobody has asked before, and
`again`, the median of many, when nothing is taken for fresh. Beside them the calls of `ListTrainingJobs`
alone that walk the same 1,000 jobs. `calls` are those to AWS, counted at botocore.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
import httpx
import local_aws
import showcase
from fastapi import FastAPI
from measuring import embedded_aws, show, verdict

from histoflow.pages import PREFIX, Pages, application
from histoflow.pages.sources import sources
from idc.storage import ObjectStore

JOBS, PARTITIONS, AGAIN = 1000, 36, 40
FIRST, LATER = 5.0, 0.5  # of the time of the bare calls
VIEWS = {
    "jobs, one page": "api/jobs?size=25",
    "history": "api/partitions",
    "one partition": "api/partitions/2026-10",
    "endpoint": "api/endpoint",
    "tuning": "api/tuning",
    "monitoring": "api/monitoring",
    "the page itself": "models",
}


def bare() -> float:
    """Seconds for the calls that list as many training jobs, one page of 100 after the other."""
    api = sources().client("sagemaker")
    started = time.perf_counter()
    found = sum(
        len(page["TrainingJobSummaries"])
        for page in api.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 100})
    )
    assert found == JOBS, found
    return time.perf_counter() - started


def pages() -> FastAPI:
    """The pages, for somebody who may read everything."""
    for route in application().routes:
        for needed in getattr(route, "dependencies", []):
            application().dependency_overrides[needed.dependency] = lambda: None
    app = FastAPI()
    app.mount(PREFIX, Pages())
    return app


async def measure(app: FastAPI, calls: Counter[str]) -> list[tuple[str, float, int, float, int]]:
    """Each view's first seconds and calls, and the median seconds and calls of asking again."""
    rows = []
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow", timeout=60) as client:
        for view, path in VIEWS.items():
            calls.clear()
            first, *later = [await timed(client, f"{PREFIX}/{path}", calls) for _ in range(1 + AGAIN)]
            middle = statistics.median(seconds for seconds, _ in later)
            rows.append((view, *first, middle, max(number for _, number in later)))
    return rows


async def timed(client: httpx.AsyncClient, path: str, calls: Counter[str]) -> tuple[float, int]:
    """Seconds of one answer, and the calls it cost."""
    before, started = calls.total(), time.perf_counter()
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - started, calls.total() - before


def main() -> None:
    own: dict[str, Any] = {"HISTOFLOW_BUCKET": local_aws.BUCKET, "HISTOFLOW_ROLE_ARN": local_aws.ROLE_ARN}
    with embedded_aws() as aws, local_aws.everything_sent_to(aws, **own):
        showcase.fill_bucket(ObjectStore(aws.client("s3"), aws.bucket), showcase.months(PARTITIONS))
        showcase.fill_jobs(aws, JOBS * 2)  # half of them are training jobs
        showcase.serve(aws, "2026-10")
        sources().jobs.fresh_s = 0
        calls = Counter[str]()
        for service in ("s3", "sagemaker", "logs"):
            events = sources().client(service).meta.events
            events.register("before-call", lambda model, **_: calls.update([model.name]))
        reference = statistics.median(bare() for _ in range(5))
        rows = asyncio.run(measure(pages(), calls))
    table = [
        [
            view,
            f"{first * 1000:.0f}",
            str(count),
            f"{later * 1000:.1f}",
            str(more),
            f"{later / reference:.2f}",
        ]
        for view, first, count, later, more in rows
    ]
    table.append(
        ["ListTrainingJobs alone", f"{reference * 1000:.0f}", "10", f"{reference * 1000:.1f}", "10", "1.00"]
    )
    head = ["view", "first ms", "calls", "again ms", "calls", "of bare"]
    show(f"{JOBS * 2:,} jobs, {JOBS:,} of them training, and {PARTITIONS} partitions", head, table)
    jobs = rows[0]
    verdict(f"the first table of jobs within {FIRST:.0f} times the bare calls", jobs[1] <= FIRST * reference)
    verdict(
        f"every view again within {LATER} of the bare calls", all(row[3] <= LATER * reference for row in rows)
    )


if __name__ == "__main__":
    main()
