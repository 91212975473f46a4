"""What can go wrong while the local stack is set up, started or followed.

StackError
├── EnvironmentBuildError  an environment cannot be built
├── PortTaken              another process listens where a service should
├── ServiceFailed          a service does not start, or died
└── DemoFailed             a step of the pipeline failed or took too long
"""

from __future__ import annotations


class StackError(Exception):
    """Something a person has to mend before the command can work."""


class EnvironmentBuildError(StackError):
    """An environment cannot be built from its lock."""


class PortTaken(StackError):
    """Another process listens on a port that a service needs."""


class ServiceFailed(StackError):
    """A service did not start, or it stopped by itself."""


class DemoFailed(StackError):
    """A step of the pipeline failed or took too long."""
