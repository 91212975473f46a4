"""A version of a model in the model registry: what it is, who approved it, and when it was last deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from idc.evaluate.served_model import ServedModel

APPROVED, REJECTED, PENDING = "Approved", "Rejected", "PendingManualApproval"
# When a version was last put behind which endpoint, among its properties; the times sort as texts.
DEPLOYED_AT, DEPLOYED_TO = "deployed_at", "deployed_to"


@dataclass(frozen=True)
class Version:
    """A registered model version; `deployed_at` is an ISO time in UTC, empty if it never was."""

    arn: str
    number: int
    status: str
    reason: str
    deployed_at: str
    deployed_to: str
    served: ServedModel

    @property
    def name(self) -> str:
        """The production variant's name, from which an answer tells its model: `v3-mxnet`."""
        return f"v{self.number}-{self.served.variant}"

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Read the answer of `DescribeModelPackage`.

        Raises:
            InputError: it is not a version that this product registered.
        """
        properties = description.get("CustomerMetadataProperties", {})
        arn = description["ModelPackageArn"]
        return cls(
            arn=arn,
            number=description.get("ModelPackageVersion", 0),
            status=description.get("ModelApprovalStatus", ""),
            reason=description.get("ApprovalDescription", ""),
            deployed_at=properties.get(DEPLOYED_AT, ""),
            deployed_to=properties.get(DEPLOYED_TO, ""),
            served=ServedModel.from_metadata(properties, arn),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values that a task can hand to the next."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the version that `to_dict` wrote."""
        return cls(**{**values, "served": ServedModel(**values["served"])})


def before(versions: list[Version], endpoint: str, now: Version) -> Version | None:
    """Return the approved version that was behind `endpoint` before `now`, None if there is none.

    One that was there after `now` is what somebody went back from, in a run that did not come to its end.
    """
    latest = now.deployed_at if now.deployed_to == endpoint else ""
    found = [
        one
        for one in versions
        if one.status == APPROVED
        and one.deployed_to == endpoint
        and one.deployed_at
        and one.arn != now.arn
        and not (latest and one.deployed_at > latest)
    ]
    return max(found, key=lambda one: one.deployed_at, default=None)
