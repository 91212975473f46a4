"""Built-in algorithms that have a local implementation: their programs and metric definitions."""

from __future__ import annotations

from dataclasses import dataclass

CUSTOMER_ERROR_EXIT = 2  # what an algorithm ends with where the customer must act


@dataclass(frozen=True)
class Algorithm:
    """A package with the programs `train` and `serve`, and metrics as pairs of name and expression."""

    package: str
    metrics: tuple[tuple[str, str], ...]

    @property
    def metric_definitions(self) -> list[dict[str, str]]:
        """The metrics as MetricDefinitions of a training job."""
        return [{"Name": name, "Regex": regex} for name, regex in self.metrics]


ALGORITHMS = {
    "image-classification": Algorithm(
        "embedded_aws.algorithms.image_classification",
        (
            ("train:accuracy", r"Epoch\[\d+\] Train-accuracy=(\S+)"),
            ("validation:accuracy", r"Epoch\[\d+\] Validation-accuracy=(\S+)"),
        ),
    )
}
