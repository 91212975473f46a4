"""Errors a person at the command line can meet.

EmbeddedAwsError
├── SettingError        a flag, variable or file with a value that cannot be used
├── PortTaken           a port somebody else listens on
├── NotStarted          a part that did not become healthy in time
├── AlreadyRunning      the home is up with other settings
├── UnknownRuntime      an image no runtime is configured for
├── UnsafeArtifact      an archive with a member that must not be unpacked
├── DownloadError       input data that cannot be fetched from S3
├── FaultRefused        a fault asked for that cannot be injected
└── AlarmsUnknown       CloudWatch alarms whose states cannot be asked for
"""

from __future__ import annotations


class EmbeddedAwsError(Exception):
    """Base of every error of the embedded AWS."""


class SettingError(EmbeddedAwsError):
    """A setting cannot be used."""


class PortTaken(EmbeddedAwsError):
    """A port the embedded AWS needs is in use."""


class NotStarted(EmbeddedAwsError):
    """A part of the embedded AWS did not become healthy in time."""


class AlreadyRunning(EmbeddedAwsError):
    """The embedded AWS of this home runs with other settings."""


class UnknownRuntime(EmbeddedAwsError):
    """No runtime is configured for an image."""


class UnsafeArtifact(EmbeddedAwsError):
    """An archive holds something that must not be unpacked."""


class DownloadError(EmbeddedAwsError):
    """Input data cannot be fetched from S3."""


class FaultRefused(EmbeddedAwsError):
    """A fault asked for in a test cannot be injected."""


class AlarmsUnknown(EmbeddedAwsError):
    """The states of CloudWatch alarms cannot be asked for just now."""
