"""Errors of one object of a batch transform job; the other objects go on."""

from __future__ import annotations


class TransformFailure(Exception):
    """An object cannot be transformed; `side` is whose fault it is, in the service's words."""

    side = "ClientError"


class BadRecord(TransformFailure):
    """The input, the filters or the request do not fit; another model would not help."""


class BadAnswer(TransformFailure):
    """The model's server failed, or did not answer in time."""

    side = "AlgorithmError"
