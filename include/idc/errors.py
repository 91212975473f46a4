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

from idc.converter.errors import (
    ConfigurationError as ConfigurationError,
    ConflictError as ConflictError,
    CorruptArchive as CorruptArchive,
    CorruptShard as CorruptShard,
    DatasetConflict as DatasetConflict,
    HistoflowError as HistoflowError,
    InputError as InputError,
    InvalidPatchName as InvalidPatchName,
    JobFailed as JobFailed,
    LeakageError as LeakageError,
    MissingObject as MissingObject,
    PermanentError as PermanentError,
    RequestRejected as RequestRejected,
    SnapshotConflict as SnapshotConflict,
    StorageError as StorageError,
    TooManyQuarantined as TooManyQuarantined,
    TransientError as TransientError,
    UnsafeArchive as UnsafeArchive,
)


class UnsafeArtifact(InputError):
    """A model artifact holds something other than the files it may hold."""


class JobConflict(ConflictError):
    """The job name already belongs to another request."""


class EndpointFailed(PermanentError):
    """An endpoint is out of service, or was rolled back to its earlier configuration."""


class ServiceError(TransientError):
    """AWS, Kaggle or a web server was throttled, unavailable or too slow."""
