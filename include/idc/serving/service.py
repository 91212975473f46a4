"""Shared parts of a running API: keys, ledger, AWS clients, threads and slides."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from typing import Annotated

import structlog
from fastapi import Depends
from starlette.requests import Request

from idc.serving import home
from idc.serving.access import RateLimits
from idc.serving.aws import Clients
from idc.serving.endpoint import Scorer, Threads
from idc.serving.keyring import Keyring
from idc.serving.ledger import Ledger
from idc.serving.measures import Measures
from idc.serving.models import Models
from idc.serving.problems import Problem
from idc.serving.slide_records import SlideRecords
from idc.serving.slide_work import SlideWork
from idc.settings import ApiSettings

HOUR_S = 3600.0

log = structlog.get_logger("idc.serving")


class Service:
    """The parts of one API, opened together and closed together."""

    def __init__(self, settings: ApiSettings) -> None:
        """Open the files and prepare the rest; call AWS not yet.

        Raises:
            ConflictError: another server uses the folder.
        """
        self.settings = settings
        self._hold = home.hold(settings.folder)
        self.measures = Measures()
        self.keyring = Keyring(settings.folder)
        self.ledger = Ledger(settings.folder)
        self.rate_limits = RateLimits(settings.rate_limit)
        self.clients = Clients(settings)
        self.models = Models(self.clients.sagemaker, settings.endpoint_name)
        self.scorer = Scorer(self.clients.runtime, self.models, settings.endpoint_name)
        self.threads = Threads(settings.model_concurrency, settings.model_waiting, "model")
        self.background = Threads(4, 64, "background")
        # At what is behind the endpoint: a slow control plane holds up nothing else.
        self.looking = Threads(4, 64, "looking")
        # One label after the other: a slow S3 holds up nothing else.
        self.feedback = Threads(1, 64, "feedback")
        self.uploads = Counter[str]()  # slides that are being received, by tenant
        self.slide_records = SlideRecords(settings.folder)
        self.slide_work = SlideWork(self.slide_records, self.scorer, settings)

    def start(self) -> None:
        """Start the background tasks."""
        self.slide_work.start()

    async def keep_looking(self) -> None:
        """Look up the endpoint's model periodically, as long as the server runs."""
        while True:
            try:
                await self.looking.run(lambda: self.models.endpoint(self.settings.refresh_s / 2))
            except Problem as problem:
                log.warning("endpoint", problem=problem.detail)
            await asyncio.sleep(self.settings.refresh_s)

    async def keep_forgetting(self) -> None:
        """Remove answers periodically when feedback on them is no longer accepted."""
        days = self.settings.prediction_retention_days
        while True:
            try:
                await self.background.run(lambda: self.ledger.forget(days))
            except (Problem, sqlite3.Error):
                log.exception("ledger")
            await asyncio.sleep(HOUR_S)

    def close(self) -> None:
        """Stop and close all parts."""
        self.slide_work.stop()
        self.threads.close()
        self.background.close()
        self.looking.close()
        self.feedback.close()
        self.slide_records.close()
        self.ledger.close()
        self.keyring.close()
        os.close(self._hold)


async def _of(request: Request) -> Service:  # a plain function would cost a change of threads
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(_of)]
