"""Sends one POST and follows nowhere: an address and a text go in, nothing comes out but an error,
which says no more of the address than its scheme and host."""

from __future__ import annotations

import http.client
import ipaddress
import re
import ssl
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

import reconciler
from reconciler.errors import ReconcilerError

SECONDS = 10.0
"""How long a silent server is waited for."""
PRINTABLE = re.compile("[!-~]+")


class _Nowhere(HTTPRedirectHandler):
    """Takes a redirect for the error that it is: a secret is meant for one host."""

    def redirect_request(self, *_: Any) -> None:
        """No request."""


def name(url: str) -> str:
    """What may be shown of an address: its scheme, host and port."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        return "a URL"


def check(url: str) -> None:
    """Raise `ReconcilerError` when an address is none that a secret may be sent to: https to
    anywhere, http only to this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not PRINTABLE.fullmatch(url):
        raise ReconcilerError("a URL needs a host, and neither blanks nor other signs than ASCII")
    if "@" in parts.netloc:
        raise ReconcilerError("a URL with a user name or a password is not supported")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise ReconcilerError("a URL has to be https; http only leads to 127.0.0.1 or localhost")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(url: str, content: str) -> None:
    """Send JSON once; what leads to another machine goes through the proxy that the environment
    names."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"reconciler/{reconciler.__version__}",
    }
    request = Request(url, content.encode(), headers, method="POST")  # noqa: S310  checked above
    tls = HTTPSHandler(context=ssl.create_default_context())
    proxies = ProxyHandler({} if request.type == "http" else None)
    opener = build_opener(proxies, HTTPHandler(), tls, _Nowhere())
    try:
        opener.open(request, timeout=SECONDS).close()
    except HTTPError as error:
        error.close()
        told = f"HTTP {error.code}"
        if 300 <= error.code < 400:
            told += ", a redirect, which is not followed: give the address it leads to"
        raise ReconcilerError(told) from None
    except URLError as error:
        raise ReconcilerError(_reason(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise ReconcilerError(_reason(error)) from None


def _reason(error: object) -> str:
    """Why nothing was sent, in words that hold no address."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case TimeoutError():
            return f"no answer in {SECONDS:.0f} s"
        case OSError(strerror=str(text)):
            return text
        case _:
            return type(error).__name__ if isinstance(error, Exception) else "it cannot be reached"
