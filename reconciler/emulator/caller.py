"""Who calls and from where: the SigV4 Authorization header in, account and Region out."""

import base64
import binascii
import json
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache

from reconciler.emulator.errors import ApiError

UNKNOWN_ACCOUNT = "000000000000"
"""The account of an access key that does not name one."""

_CREDENTIAL = re.compile(
    r"Credential=([\w-]+)/\d{8}/([a-z0-9-]+)/[a-z0-9-]+/aws4_request", re.ASCII
)
_ACCOUNT_KEY = re.compile(r"\d{12}", re.ASCII)
_TEMPORARY_KEY = re.compile(r"ASIA(\d{12})[A-Z2-7]{4}", re.ASCII)
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class Caller:
    """The account (12 digits) and Region a request is made for."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        """The ARN partition of the Region."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"


def caller_of(authorization: str | None) -> Caller:
    """The caller of a signed request; the signature itself is not checked.

    An access key id of 12 digits is the account; keys of `temporary_key` carry theirs; all other
    keys belong to account 000000000000.
    """
    if not authorization:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    return _caller_of_credential(authorization.partition(",")[0], authorization)


def temporary_key(account: str) -> str:
    """A new access key id (20 characters) that carries its account; nothing is remembered."""
    return f"ASIA{account}" + "".join(secrets.choice(_BASE32) for _ in range(4))


def session_token(account: str, role: str, session: str) -> str:
    """A session token that carries the assumed role, so that nothing is remembered."""
    return base64.urlsafe_b64encode(json.dumps([account, role, session]).encode()).decode()


def assumed_role(token: str | None, account: str) -> tuple[str, str] | None:
    """Role and session name out of a `session_token` of that account; None for any other token."""
    try:
        match json.loads(base64.urlsafe_b64decode(token or "")):
            case [str(owner), str(role), str(session)] if owner == account:
                return role, session
    except (binascii.Error, ValueError):
        pass
    return None


def _caller_of_credential(credential: str, authorization: str) -> Caller:
    caller = _parse(credential) or _parse(authorization)
    if caller is None:
        raise ApiError(
            "IncompleteSignatureException",
            "Authorization header requires a 'Credential' of the form "
            "KEY/DATE/REGION/SERVICE/aws4_request.",
        )
    return caller


@lru_cache(maxsize=1024)
def _parse(text: str) -> Caller | None:
    found = _CREDENTIAL.search(text)
    if found is None:
        return None
    key, region = found.groups()
    if _ACCOUNT_KEY.fullmatch(key):
        return Caller(key, region)
    temporary = _TEMPORARY_KEY.fullmatch(key)
    return Caller(temporary.group(1) if temporary else UNKNOWN_ACCOUNT, region)
