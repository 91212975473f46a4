"""The errors of the local stack: a person has to mend what they name.

StackError
├── EnvironmentBuildError  an environment cannot be built
├── PortTaken              another process listens where a service should
├── ServiceFailed          a service does not start, or stopped
│   └── NoAnswer           a service does not answer in time
└── DemoFailed             a step of the pipeline failed or took too long
"""

from __future__ import annotations


class StackError(Exception):
    """The command cannot work until a person mends what the message names."""


class EnvironmentBuildError(StackError):
    """An environment cannot be built from its lock."""


class PortTaken(StackError):
    """Another process listens on a port that a service needs."""


class ServiceFailed(StackError):
    """A service did not start, or it stopped by itself."""


class NoAnswer(ServiceFailed):
    """A service did not answer in time; what it was doing may go on."""


class DemoFailed(StackError):
    """A step of the pipeline failed or took too long."""
