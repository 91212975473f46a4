"""Metrics for Prometheus: requests, times, answered classes, slides; nothing of any image or tenant."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Measures:
    """The counters of one server."""

    def __init__(self) -> None:
        """Start all counters at zero."""
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "histoflow_requests", "Requests answered", ["route", "method", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "histoflow_request_seconds", "Time to answer a request", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.model_seconds = Histogram(
            "histoflow_model_seconds", "Time the endpoint took for a patch",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.predictions = Counter(
            "histoflow_predictions", "Patches answered", ["version", "class", "confident"],
            registry=self._registry,
        )  # fmt: skip
        self.problems = Counter("histoflow_problems", "Problems by name", ["name"], registry=self._registry)
        self.feedback = Counter(
            "histoflow_feedback", "True labels received", ["agrees"], registry=self._registry
        )
        self.slides = Gauge("histoflow_slides", "Slides by state", ["state"], registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
