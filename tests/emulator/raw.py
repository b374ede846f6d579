"""A client that sends exactly the bytes it is told to."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.emulator.cloud import ACCOUNT, REGION, Cloud

TARGETS = {
    "codeconnections": "com.amazonaws.codeconnections.CodeConnections_20231201",
    "codestar-connections": "com.amazonaws.codestar.connections.CodeStar_connections_20191201",
}
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/codeconnections/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=00"
)


class Raw:
    """Requests as bytes; answers as status and body."""

    def __init__(self, cloud: Cloud) -> None:
        self.address = urlsplit(cloud.url).netloc
        self.headers: dict[str, str] = {}

    def call(self, operation: str, parameters: Any) -> tuple[int, Any]:
        """An operation of codeconnections in AWS JSON 1.0."""
        status, body = self.send(operation, json.dumps(parameters).encode())
        return status, json.loads(body)

    def send(
        self, operation: str, body: bytes, target: str = TARGETS["codeconnections"]
    ) -> tuple[int, bytes]:
        """The same, whatever the body is."""
        return self.request(
            "POST",
            "/",
            body,
            {
                "X-Amz-Target": f"{target}.{operation}",
                "Content-Type": "application/x-amz-json-1.0",
                "Authorization": AUTHORIZATION,
            },
        )

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Any request; the answer's headers are kept in `headers`, names in lower case."""
        connection = HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            self.headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read()
        finally:
            connection.close()
