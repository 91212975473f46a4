"""Create, Describe, List, Stop and Delete for all kinds of jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.jobs.job_states import States
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ResourceInUse, ResourceNotFound, ServiceFault, ValidationException


@dataclass(frozen=True)
class JobResource:
    """The operations of one sort of job.

    `check` refuses requests whose parts do not fit together, which the service model does not
    tell. `taken` may name {arn}, `missing` may name {name}: the service's own sentences. `complete`
    adds what the service does to a request it accepts.
    """

    states: States
    check: Callable[[Context, Document], None]
    noun: str
    taken: str
    missing: str
    complete: Callable[[Context, Document], Document] = lambda _context, request: request

    def create(self, context: Context, request: Document) -> Document:
        """Accept a job; the controller starts it when its turn comes.

        Raises:
            ResourceInUse: the name is taken.
            ValidationException: the parts of the request do not fit together.
        """
        self.check(context, request)
        kind, name = self.states.kind, self._name(request)
        arn = context.arn(kind, name)
        now = round(time.time(), 3)  # as exact as a client can ask
        document = self.states.new(self.complete(context, request), arn, now)
        with context.store.transaction():
            if not context.store.insert(kind, name, arn, document):
                raise ResourceInUse(self.taken.format(arn=arn))
            tags.attach(context, arn, request.get("Tags", []))
        context.wake_controller()
        return {f"{kind.name}Arn": arn}

    def describe(self, context: Context, request: Document) -> Document:
        """The whole job.

        Raises:
            ValidationException: there is none of that name.
        """
        document = context.store.get(self.states.kind, self._name(request))
        if document is None:
            raise self._missing(request, ValidationException)
        return document

    def list_(self, context: Context, request: Document) -> Document:
        """A page of jobs."""
        return listing.page(context, self.states.kind, request, f"{self.states.kind.name}Summaries")

    def stop(self, context: Context, request: Document) -> Document:
        """Ask a job to end.

        Raises:
            ResourceNotFound: there is none of that name.
            ValidationException: it has ended already.
        """

        def change(document: Document) -> None:
            if self.states.is_final(document):
                raise self._refused(document)
            if not self.states.is_stopping(document):
                self.states.ask_to_stop(document, time.time())

        if context.store.update(self.states.kind, self._name(request), change) is None:
            raise self._missing(request, ResourceNotFound)
        context.wake_controller()
        return {}

    def delete(self, context: Context, request: Document) -> Document:
        """Forget a job that has ended; its name is free again.

        Raises:
            ResourceNotFound: there is none of that name.
            ValidationException: it has not ended.
        """
        kind, name = self.states.kind, self._name(request)
        with context.store.transaction():
            document = context.store.get(kind, name)
            if document is None:
                raise self._missing(request, ResourceNotFound)
            if not self.states.is_final(document):
                raise self._refused(document)
            context.store.delete(kind, name)
        return {}

    def _name(self, request: Document) -> str:
        return str(request[f"{self.states.kind.name}Name"])

    def _missing(self, request: Document, fault: type[ServiceFault]) -> ServiceFault:
        return fault(self.missing.format(name=self._name(request)))

    def _refused(self, document: Document) -> ServiceFault:
        return ValidationException(
            f"The request was rejected because the {self.noun} is in status {document[self.states.status]}."
        )
