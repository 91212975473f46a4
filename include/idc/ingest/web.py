"""Read an archive at an HTTP address from any byte; an interrupted download resumes.

Source: https://www.rfc-editor.org/rfc/rfc9110.html, sections 13.1.5 (If-Range) and 14 (range requests)
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from idc.errors import ConfigurationError, HistoflowError, MissingObject, ServiceError, StorageError
from idc.ingest.http_responses import ATTEMPTS, Explain, address, answered, guard, pause_s

BLOCK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

Fetch = Callable[[Mapping[str, str]], requests.Response]

log = logging.getLogger(__name__)


class WebSource:
    """An archive that `fetch` gets with the headers it is given, such as a range."""

    is_synthetic = False

    def __init__(self, name: str, fetch: Fetch, version: int | None = None) -> None:
        """Ask for the first byte, for the size and the identity of the archive.

        Raises:
            HistoflowError: as `fetch` does.
        """
        self.name, self.version, self._fetch = name, version, fetch
        with fetch({"Range": "bytes=0-0"}) as answer:
            found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            length = found[2] if found else answer.headers.get("Content-Length")
            etag = answer.headers.get("ETag", "")
            self.size_bytes = int(length) if length else None
            self.identity = etag if found and etag.startswith('"') else None  # a weak tag will not do
            self.checksums = _checksums(answer.headers.get("x-goog-hash", ""))
            if found:
                answer.raw.read(1)  # it was asked for: hanging up on it would look like a failure

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the archive's bytes from `offset` on; resume after an interruption.

        Raises:
            ServiceError: the bytes were replaced meanwhile.
            StorageError: no more of them came.
        """
        at, failures = offset, 0
        while self.size_bytes is None or at < self.size_bytes:
            observed = "ended"
            try:
                for block in self._stream(at):
                    at, failures = at + len(block), 0
                    yield block
                if self.size_bytes is None or at == self.size_bytes:
                    return
            except (HTTPError, requests.RequestException) as error:  # its text may hold a signed address
                observed = f"broke off ({type(error).__name__})"
            failures += 1
            if self.identity is None or failures == ATTEMPTS:
                expected = f"{self.size_bytes} bytes"
                raise StorageError("archive", self.name, f"{observed} after {at} bytes", expected, "Retry.")
            log.warning("%s %s after %d bytes; resuming", self.name, observed, at)
            time.sleep(pause_s(failures))

    def _stream(self, at: int) -> Iterator[bytes]:
        conditions = {"Range": f"bytes={at}-", "If-Range": self.identity} if self.identity else {}
        with self._fetch(conditions) as answer:
            if self.identity:
                self._check_same(answer, at)
            yield from answer.raw.stream(BLOCK_BYTES, decode_content=False)

    def _check_same(self, answer: requests.Response, at: int) -> None:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        etag = answer.headers.get("ETag")
        if found is None or int(found[1]) != at or etag != self.identity:
            observed = f"replaced while it was fetched: it is {etag} now"
            raise ServiceError("archive", self.name, observed, str(self.identity), "The retry starts over.")


def open_address(url: str) -> WebSource:
    """Return the archive at an `https://` address; `http://` is for this machine only.

    Raises:
        ConfigurationError: the address holds a password, is not safe, or answers with a refusal.
        MissingObject: there is nothing.
        ServiceError: the server did not answer, or was busy for too long.
    """
    name = address(url)
    if urlsplit(url).username is not None:
        action = "Leave it out: addresses are written into logs."
        raise ConfigurationError("source", name, "holds a user name", "an address without one", action)
    session = requests.Session()
    guard(session, url)

    def send(headers: Mapping[str, str]) -> requests.Response:
        answer = session.get(url, headers={"Accept-Encoding": "identity", **headers}, stream=True)
        answer.raise_for_status()
        return answer

    return WebSource(name, lambda headers: answered(lambda: send(headers), name, _explain(name)))


def _explain(name: str) -> Explain:
    def explain(status: int, message: str) -> HistoflowError:
        if status in (404, 410):
            return MissingObject("archive", name, "not there", "an archive", "Check the address.")
        observed, action = f"answered {status} {message}".strip(), "Check it; a signed one may have expired."
        return ConfigurationError("source", name, observed, "the archive", action)

    return explain


def _checksums(header: str) -> dict[str, str]:
    """Return the hexadecimal checksums of Google's storage by their name.

    Source: https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash
    """
    found = {}
    for entry in header.split(","):
        name, _, value = entry.strip().partition("=")
        try:
            found[name] = base64.b64decode(value, validate=True).hex()
        except binascii.Error:
            continue
    return {name: value for name, value in found.items() if name in ("md5", "crc32c") and value}
