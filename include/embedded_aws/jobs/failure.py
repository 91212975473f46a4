"""Failure reasons in the service's wording and length."""

from __future__ import annotations

LONGEST_REASON = 1024
OUT_OF_MEMORY_EXIT = 137


def reason(message: str) -> str:
    """The message as valid text of at most 1,024 characters."""
    text = message.encode("utf-8", "replace").decode("utf-8", "replace").replace("\0", "")
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def algorithm_error(message: str, exit_code: int) -> str:
    """The reason of a container that ended by itself with an error; its tail is kept whole."""
    tail = f", exit code: {exit_code}"
    if exit_code == OUT_OF_MEMORY_EXIT and not message:
        message = "the container was killed, most likely for the memory it used"
    room = LONGEST_REASON - len("AlgorithmError: ") - len(tail)
    text = reason(message)
    return f"AlgorithmError: {text if len(text) <= room else text[: room - 1] + '…'}{tail}"


def customer_error(message: str, exit_code: int) -> str:
    """The reason of one of the service's own algorithms that wants its customer to act."""
    tail = f", exit code: {exit_code}"
    room = LONGEST_REASON - len("ClientError: ") - len(tail)
    text = reason(message)
    return f"ClientError: {text if len(text) <= room else text[: room - 1] + '…'}{tail}"


def client_error(message: str) -> str:
    """The reason of a job whose request cannot be carried out."""
    return reason(f"ClientError: {message}")


def internal_error(message: str) -> str:
    """The reason of a job that failed through no fault of its own."""
    return reason(f"InternalServerError: {message}")
