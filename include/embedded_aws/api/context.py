"""Context of an operation: settings, store, and a way to wake the controller."""

from __future__ import annotations

from dataclasses import dataclass

from embedded_aws.settings import Settings
from embedded_aws.store import kinds
from embedded_aws.store.resources import Kind, Store
from embedded_aws.store.wake import wake_controller


@dataclass(frozen=True)
class Context:
    """The surroundings of one request."""

    settings: Settings
    store: Store

    def arn(self, kind: Kind, name: str) -> str:
        """The ARN of a resource of this account and region."""
        return kinds.arn(self.settings, kind, name)

    def wake_controller(self) -> None:
        """Tell the controller that there is work."""
        wake_controller(self.settings)
