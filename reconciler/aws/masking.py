"""Keeps secrets out of what is told: what a service or boto3 says in, one line without them out.

A service that does not accept a signature repeats what was signed, and something on the way to it
may repeat the whole request, in whatever form it has for that.
"""

from __future__ import annotations

import re
from threading import Lock
from urllib.parse import quote

from botocore.exceptions import ClientError

SHORTEST = 12
"""No secret of AWS is shorter; what is may be a word (a local service takes any)."""
MOST = 4096
"""How many secrets are kept, those in use last: more than a run over targets has at a time, which
gets two for each of them."""
_known: dict[str, tuple[str, ...]] = {}
"""The forms of each secret, the one in use last at the end."""
_changing = Lock()
_BETWEEN = r"(?!\s*\w)(?:&#?\w+;|[^\w+/;,.]){1,12}"
"""What stands between a name and its value in JSON, HTML or a debugger's words."""
_PATTERNS = (
    (re.compile(rf"(?i)(x-amz-security-token{_BETWEEN})[\w+/=%.-]+"), r"\1***"),
    (re.compile(r"(?i)\b((?:credential|signature)(?:=|%3D))[^\s,&\"'<>]+"), r"\1***"),
    (re.compile(r"\b[0-9a-fA-F]{64}\b"), "***"),  # a signature, whatever stands before it
    (re.compile(r"(?s)(-----BEGIN [^-]*-----).*?(?:-----END [^-]*-----|\Z)"), r"\1 ***"),
)


def hide(*secrets: str | None) -> None:
    """Let these be told by nobody from now on."""
    with _changing:
        for secret in secrets:
            if secret and len(secret) >= SHORTEST:
                _known[secret] = _known.pop(secret, ()) or _forms(secret)
        while len(_known) > MOST:
            del _known[next(iter(_known))]


def _forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), secret.replace("/", r"\/")


def without_secrets(text: str) -> str:
    """What a service says, on one line and without the secrets in use, signatures and what PEM
    holds."""
    with _changing:
        forms = [form for each in _known.values() for form in each]
    for secret in sorted(forms, key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


def one_line(error: Exception) -> str:
    """The text of an error of boto3, on one line; of a refusal, the service's own words. It is
    without what URLs in it say before an @ (or, where a password has a slash, for the port)."""
    text = str(error)
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        text = f"{details.get('Code')}: {details.get('Message', '')}"
    text = re.sub(r"[^\s\"']*@", "***@", without_secrets(text))
    text = re.sub(r"\b(Failed to parse): .*", r"\1 a URL: check the endpoint and proxies", text)
    return re.sub(r"^(Port could not be cast to integer value) as .*", r"\1", text)
