"""Where the pages have what they show from: AWS clients and caches that outlive a request."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from histoflow.hooks.page import PageHook
from histoflow.pages.descriptions import Descriptions
from histoflow.pages.joblist import JobList
from idc.aws_errors import PAGE_CONNECTIONS
from idc.dashboard.documents import Documents
from idc.settings import settings
from idc.storage import ObjectStore

CLIENT_S = 300.0  # the Airflow connection may have changed since


class Sources:
    """The clients, the cached documents and the jobs of one process."""

    def __init__(self) -> None:
        """Prepare all of it; nothing is asked for yet."""
        self.executor = ThreadPoolExecutor(PAGE_CONNECTIONS, thread_name_prefix="histoflow-pages")
        self.documents = Documents(self.store, self.executor)
        self.jobs = JobList(lambda: self.client("sagemaker"), self.executor)
        self.descriptions = Descriptions(lambda: self.client("sagemaker"))
        self._clients: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the boto3 client of `service` that `aws_default` and the environment describe."""
        with self._lock:
            made_at, client = self._clients.get(service, (0.0, None))
            if client is None or time.monotonic() - made_at > CLIENT_S:
                made_at, client = time.monotonic(), PageHook(service).api
                self._clients[service] = made_at, client
            return client

    def store(self) -> ObjectStore:
        """Return the bucket."""
        return ObjectStore(self.client("s3"), settings().bucket)


@functools.cache
def sources() -> Sources:
    """Return what this process's pages share."""
    return Sources()
