"""InvokeEndpoint: picks an instance, forwards the request and returns the response."""

from __future__ import annotations

from collections.abc import Mapping

from embedded_aws.endpoints.workers import Worker
from embedded_aws.invocation import members as request_members
from embedded_aws.invocation.capture import Capture, Payload
from embedded_aws.invocation.connections import Broken, Connections, Reply, TooLarge, Unreachable
from embedded_aws.invocation.members import Members
from embedded_aws.invocation.model_errors import TIMED_OUT, model_error
from embedded_aws.invocation.routes import Router
from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationError
from embedded_aws.wire.http import Answer

LARGEST_ANSWER_BYTES = 6 * 1024 * 1024
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
OCTETS = "application/octet-stream"


class Synchronous:
    """Answers InvokeEndpoint."""

    def __init__(
        self, settings: Settings, router: Router, connections: Connections, capture: Capture
    ) -> None:
        self._settings = settings
        self._router = router
        self._connections = connections
        self._capture = capture

    async def invoke(self, endpoint: str, members: Members, body: bytes) -> Answer:
        """The answer of one of the endpoint's instances.

        Raises:
            ValidationError: there is no such endpoint or variant, or it takes asynchronous requests only.
            ServiceUnavailable: no instance is ready, and none became so in time.
            ModelError: the instance answered with an error, or not in time.
        """
        headers = request_members.for_the_model(members)
        while True:
            worker, plan = await self._router.pick(endpoint, members.get("TargetVariant"))
            check_synchronous(endpoint, plan)
            try:
                reply = await self._ask(worker, headers, body)
            except Unreachable:
                # it died just now, and nothing was sent, so another can be asked
                self._router.replace(worker, "the instance does not listen any more")
                continue
            answer = _answer(worker, reply)
            if plan.get("capture") is not None:
                sides = {
                    "Input": Payload(members.get("ContentType", OCTETS), body),
                    "Output": Payload(answer.headers["content-type"], reply.body),
                }
                self._capture.take(plan, endpoint, worker.variant, members.get("InferenceId"), sides)
            return answer

    async def _ask(self, worker: Worker, headers: Mapping[str, str], body: bytes) -> Reply:
        """The instance's answer, if it is a good one."""
        in_flight = self._router.in_flight
        in_flight[worker.id] += 1
        try:
            reply = await self._connections.post(
                worker.port, headers, body, self._settings.invoke_timeout_s, LARGEST_ANSWER_BYTES
            )
        except TimeoutError as error:
            self._router.retire(worker, "an invocation timed out")
            raise model_error(self._settings, worker, 0, TIMED_OUT) from error
        except Broken as error:
            why = f"the container closed the connection: {error}"
            raise model_error(self._settings, worker, 0, why) from error
        except TooLarge as error:
            why = f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes"
            raise model_error(self._settings, worker, 0, why) from error
        finally:
            in_flight[worker.id] -= 1
        if reply.status >= 400:
            raise model_error(self._settings, worker, reply.status, reply.body.decode("utf-8", "replace"))
        return reply


def check_synchronous(endpoint: str, plan: Document) -> None:
    """Raise ValidationError if the endpoint takes asynchronous requests only."""
    if plan.get("async") is not None:
        raise ValidationError(
            f"Endpoint {endpoint} of account {ACCOUNT} does not support this inference type."
        )


def _answer(worker: Worker, reply: Reply) -> Answer:
    kept = {
        "content-type": reply.headers.get("content-type", OCTETS),
        "x-amzn-invoked-production-variant": worker.variant,
    }
    if ATTRIBUTES in reply.headers:
        kept[ATTRIBUTES] = reply.headers[ATTRIBUTES]
    return Answer(200, reply.body, kept)
