"""Asking the endpoint about one patch: from threads of a bounded number, again when it was busy."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from idc.aws_errors import code_of
from idc.serving import answers
from idc.serving.aws import RETRY_LATER, is_passing, translated
from idc.serving.models import Models, Version
from idc.serving.problems import MODEL_ERROR, MODEL_TIMEOUT, OVERLOADED, Problem

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

CONTENT_TYPE = "application/x-image"
ATTEMPTS = 5
LONGEST_PAUSE_S = 2.0
TIMED_OUT = "timed out"

Result = TypeVar("Result")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """A model's answer: the raw and the calibrated probability of class 1, and the version that gave it."""

    raw: float
    calibrated: float
    version: Version

    @property
    def is_positive(self) -> bool:
        """Whether the class is 1."""
        return self.calibrated >= self.version.served.threshold


class Scorer:
    """Scores patches, in the thread that asks."""

    def __init__(self, runtime: SageMakerRuntimeClient, models: Models, endpoint_name: str) -> None:
        """Ask `runtime` for answers and `models` for what they mean."""
        self._runtime = runtime
        self._models = models
        self._endpoint_name = endpoint_name

    def score(self, patch: bytes, request_id: str) -> Scored:
        """Return the answer for an encoded patch of 50×50.

        Raises:
            Problem: the endpoint does not answer, or not sensibly.
        """
        body, variant = self._invoke(patch, request_id)
        version = self._models.version(variant)
        raw = answers.probability(body)
        return Scored(raw, version.served.calibrated(raw), version)

    def _invoke(self, patch: bytes, request_id: str) -> tuple[bytes, str]:
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._runtime.invoke_endpoint(
                    EndpointName=self._endpoint_name,
                    Body=patch,
                    ContentType=CONTENT_TYPE,
                    Accept="application/json",
                    InferenceId=request_id,
                )
                return answer["Body"].read(), answer.get("InvokedProductionVariant", "")
            except (ClientError, BotoCoreError) as error:
                problem = _model_problem(error)
                if problem is not None:
                    raise problem from error
                if attempt == ATTEMPTS or not is_passing(error):
                    with translated(f"endpoint {self._endpoint_name}"):
                        raise
            time.sleep(random.uniform(0.05, min(LONGEST_PAUSE_S, 0.1 * 2**attempt)))


class Threads:
    """Threads for work that waits, with a bound on how much work may wait for a thread."""

    def __init__(self, count: int, waiting: int, name: str) -> None:
        """Prepare the threads; none is started yet."""
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._most = count + waiting
        self._under_way = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the work's result.

        Raises:
            Problem: too much is waiting already.
        """
        if self._under_way >= self._most:
            detail = f"The server: {self._under_way} calls wait for the model. Try again later."
            raise Problem(OVERLOADED, detail, {"Retry-After": "1"})
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _model_problem(error: ClientError | BotoCoreError) -> Problem | None:
    """Return the problem if the model itself failed, None if it was something on the way to it."""
    if isinstance(error, ReadTimeoutError):
        return _timed_out()
    if not isinstance(error, ClientError) or code_of(error) != "ModelError":
        return None
    status = error.response.get("OriginalStatusCode", 0)
    message = str(error.response.get("OriginalMessage", ""))
    if not status and TIMED_OUT in message:
        return _timed_out()
    log.warning("the model answered %s: %s", status, message[:500])
    detail = f"ModelError: the model failed ({status}). Tell the operator; its log says why."
    return Problem(MODEL_ERROR, detail)


def _timed_out() -> Problem:
    detail = "The model: no answer in time. Its worker is being replaced; try again."
    return Problem(MODEL_TIMEOUT, detail, RETRY_LATER)
