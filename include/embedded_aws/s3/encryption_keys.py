"""Encryption keys for S3 objects: the part of KMS that SeaweedFS calls.

A data key is derived from a secret of the home and the text stored with the object. So no key is
stored: objects stay readable as long as the home's credentials exist. Any key name works; moto's KMS
does not know these keys.

Not moto's KMS: it forgets its keys at a restart, and the objects would be lost.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from embedded_aws.settings import ACCOUNT, HOST, Settings
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire import signing
from embedded_aws.wire.credentials import Credentials, load_or_create
from embedded_aws.wire.faults import ServiceFault
from embedded_aws.wire.http import JSON

DEFAULT_KEY = "alias/aws/s3"
_TARGET = "TrentService."


def secret(credentials: Credentials, purpose: str) -> bytes:
    """A secret of 32 bytes of the home's own."""
    return hmac.digest(credentials.secret_access_key.encode(), purpose.encode(), "sha256")


def provider(settings: Settings) -> dict[str, Any]:
    """The part of SeaweedFS's configuration that sends it here."""
    credentials = load_or_create(settings.home)
    return {
        "default_provider": "home",
        "providers": {
            "home": {
                "type": "aws",
                "region": settings.region,
                "endpoint": f"http://{HOST}:{Ports.of(settings).keys}",
                "access_key": credentials.access_key_id,
                "secret_key": credentials.secret_access_key,
            }
        },
    }


class Keys:
    """Answers GenerateDataKey, Decrypt and DescribeKey."""

    def __init__(self, settings: Settings) -> None:
        self.credentials = load_or_create(settings.home)
        self._secret = secret(self.credentials, "keys of objects")
        self._region = settings.region

    def answer(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        context = members.get("EncryptionContext", {})
        if operation == "GenerateDataKey":
            note = json.dumps({"key": members["KeyId"], "salt": os.urandom(32).hex()}).encode()
            blob = base64.b64encode(note).decode()
            return {"KeyId": members["KeyId"], "CiphertextBlob": blob, "Plaintext": self._key(note, context)}
        if operation == "Decrypt":
            note = base64.b64decode(members["CiphertextBlob"])
            return {"KeyId": json.loads(note)["key"], "Plaintext": self._key(note, context)}
        arn = f"arn:aws:kms:{self._region}:{ACCOUNT}:key/{members['KeyId']}"
        return {"KeyMetadata": {"KeyId": members["KeyId"], "Arn": arn, "KeyState": "Enabled"}}

    def _key(self, note: bytes, context: dict[str, str]) -> str:
        bound = note + json.dumps(context, sort_keys=True).encode()
        return base64.b64encode(hmac.digest(self._secret, bound, "sha256")).decode()


def server(settings: Settings) -> ThreadingHTTPServer:
    """The server of keys, listening on its port."""
    keys = Keys(settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = 200, b""
            try:
                request = signing.Request("POST", self.path, "", headers, body)
                authorization = signing.parse(headers.get("authorization", ""))
                signing.verify(request, authorization, keys.credentials)
                operation = headers.get("x-amz-target", "").removeprefix(_TARGET)
                answer = json.dumps(keys.answer(operation, json.loads(body))).encode()
            except ServiceFault as fault:
                status, answer = 400, json.dumps({"__type": fault.code, "message": fault.message}).encode()
            self.send_response(status)
            self.send_header("content-type", JSON)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing of what goes well."""

    return ThreadingHTTPServer((HOST, Ports.of(settings).keys), Handler)
