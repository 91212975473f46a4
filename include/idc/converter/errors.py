"""Errors of the converter: the part of the tree in `idc.errors` that travels into the processing job."""

from __future__ import annotations


class HistoflowError(Exception):
    """Something in the pipeline failed; the message says what, and what to do."""

    def __init__(self, what: str, which: object, observed: object, expected: object, action: str) -> None:
        """Compose `<what> <which>: <observed>, expected <expected>. <action>`."""
        super().__init__(what, which, observed, expected, action)

    def __str__(self) -> str:
        """Return the message on one line."""
        what, which, observed, expected, action = self.args
        return f"{what} {which}: {observed}, expected {expected}. {action}"


class PermanentError(HistoflowError):
    """The same call would fail again."""


class ConfigurationError(PermanentError):
    """A setting, a parameter or a file of the product itself is wrong."""


class InputError(PermanentError):
    """The data are wrong."""


class UnsafeArchive(InputError):
    """The archive is made to harm its reader: unsafe names, overlaps, or sizes out of all proportion."""


class CorruptArchive(InputError):
    """The archive is truncated, damaged, or contradicts itself."""


class InvalidPatchName(InputError):
    """Members that look like patches have names from which patient, place and class cannot be told."""


class TooManyQuarantined(InputError):
    """More patches had to be refused than the settings tolerate."""


class LeakageError(InputError):
    """A split is not safe to measure with: a patient on two sides, or a side without one of the classes."""


class CorruptShard(InputError):
    """A shard's bytes, records or labels differ from what its index entry says."""


class MissingObject(InputError):
    """An object that should be in S3 is not there."""


class ConflictError(PermanentError):
    """The name is taken by something else, which is left untouched."""


class SnapshotConflict(ConflictError):
    """The partition already holds another archive."""


class DatasetConflict(ConflictError):
    """The dataset digest already names other shards."""


class RequestRejected(PermanentError):
    """AWS or Kaggle refused a request as invalid or forbidden."""


class JobFailed(PermanentError):
    """A SageMaker job ended Failed or Stopped."""


class TransientError(HistoflowError):
    """A retry may help."""


class StorageError(TransientError):
    """A disk or an object store did not do its work."""
