"""Every error this library raises, as one tree; whether a retry can help is the class.

HistoflowError
├── PermanentError             the same call fails again: mend something first
│   ├── ConfigurationError       a setting, parameter or file of the product is wrong
│   ├── InputError               the data are wrong
│   │   ├── UnsafeArchive          an archive that attacks its reader
│   │   ├── CorruptArchive         an archive that is truncated or damaged
│   │   ├── InvalidPatchName       members whose names do not say what they are
│   │   ├── TooManyQuarantined     more patches refused than is tolerated
│   │   ├── LeakageError           a split that would let a model see its test patients
│   │   ├── CorruptShard           a shard that differs from its index entry
│   │   ├── UnsafeArtifact         a model artifact that attacks its reader
│   │   └── MissingObject          an object that should be in S3 and is not
│   ├── ConflictError            the name is taken by something else
│   │   ├── SnapshotConflict       another archive under this partition
│   │   ├── DatasetConflict        other shards under this dataset digest
│   │   └── JobConflict            another request under this job name
│   ├── RequestRejected          AWS or Kaggle refused a request as invalid or forbidden
│   ├── JobFailed                a SageMaker job ended Failed or Stopped
│   └── EndpointFailed           an endpoint is out of service or was rolled back
└── TransientError             a retry may help
    ├── StorageError             a disk or object store did not do its work
    └── ServiceError             AWS, Kaggle or a web server was throttled, unavailable or too slow
"""

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


class UnsafeArtifact(InputError):
    """A model artifact holds something other than the files it may hold."""


class MissingObject(InputError):
    """An object that should be in S3 is not there."""


class ConflictError(PermanentError):
    """The name is taken by something else, which is left untouched."""


class SnapshotConflict(ConflictError):
    """The partition already holds another archive."""


class DatasetConflict(ConflictError):
    """The dataset digest already names other shards."""


class JobConflict(ConflictError):
    """The job name already belongs to another request."""


class RequestRejected(PermanentError):
    """AWS or Kaggle refused a request as invalid or forbidden."""


class JobFailed(PermanentError):
    """A SageMaker job ended Failed or Stopped."""


class EndpointFailed(PermanentError):
    """An endpoint is out of service, or was rolled back to its earlier configuration."""


class TransientError(HistoflowError):
    """A retry may help."""


class StorageError(TransientError):
    """A disk or an object store did not do its work."""


class ServiceError(TransientError):
    """AWS, Kaggle or a web server was throttled, unavailable or too slow."""
