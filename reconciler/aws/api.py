"""The `Api` over botocore: calls as data go in, replies or this program's errors come out.

Reads are made concurrently, retried, and followed page by page; botocore has paginators for neither
service. Writes are sent once.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from reconciler.aws.masking import one_line, without_secrets
from reconciler.aws.pacer import Pacer
from reconciler.aws.reads import only_reads
from reconciler.aws.session import Session
from reconciler.aws.shapes import misfit
from reconciler.errors import (
    ApiError,
    NotFoundError,
    ReconcilerError,
    ThrottledError,
    UnclearReplyError,
)
from reconciler.safe import safe

_log = logging.getLogger(__name__)
NO_LOGIN = (
    CredentialRetrievalError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
"""What botocore raises before it sends anything, for want of somebody to send it as."""
MAX_PAGES = 1000
PAGE_SIZE = 100
"""The most the API gives at once (botocore service model, shape MaxResults)."""
THROTTLED = frozenset(
    {
        *("ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"),
        "ThrottledException",
    }
)
"""The codes among those that botocore takes for throttling (botocore/retries/standard.py) that
this service, the tagging API, and AWS in front of them are known to use."""
THROTTLED_SECONDS = 120.0
"""Seconds after which a read that is throttled again and again is given up."""
CERTAIN = THROTTLED | {
    *("AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException"),
    *("IncompleteSignature", "IncompleteSignatureException", "InvalidClientTokenId"),
    *("InvalidSignatureException", "MalformedHttpRequestException", "MissingAuthenticationToken"),
    *("MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired"),
    *("SerializationException", "SignatureDoesNotMatch", "SubscriptionRequiredException"),
    *("UnknownOperationException", "UnrecognizedClientException", "UnsupportedOperationException"),
    *("ValidationError", "ValidationException"),
}
"""What AWS says no with beside the errors that the service declares: those common to all actions
(https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html, another service of the
same protocol; that they hold here is assumed) and the names they have in JSON. Any other refusal
may come from something in between, which knows nothing of what the service has done."""
UNCERTAIN = frozenset(
    {
        *("InternalServerException", "InternalServiceException"),
        "RetryLatestCommitFailedException",
    }
)
"""Declared errors that say nothing about what the service has done before it failed. AWS gives the
first an HTTP status of 400 in its reference
(https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_DeleteRepositoryLink.html)."""
IDLE_SECONDS = 60.0
"""Seconds after which a connection is not used again for a write: what is between may have dropped
it by then, as a NAT gateway does after 350 s
(https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html), and nobody
would know whether the call arrived."""
RETRY_DELAYS = (0.2, 0.4, 0.8, 1.6)
"""Seconds before a read that failed on the way is made again, give or take half of it. A server
that takes requests and never answers holds a read up for a minute at most."""


class AwsApi:
    """CodeConnections as this program sees it, or another `service`; one instance serves one
    target. Only one that `writes` has a client that can change anything."""

    def __init__(self, session: Session, *, writes: bool = False, service: str = "") -> None:
        service = service or session.settings.service
        seconds = session.settings.read_seconds
        self._reader = session.client(service, attempts=1, seconds=seconds)
        only_reads(self._reader)
        self._writer = self._reader
        if writes:
            seconds = session.settings.write_seconds
            self._writer = session.client(service, attempts=1, seconds=seconds)
        for client in {self._reader, self._writer}:
            client.meta.events.register(f"before-parse.{service}.*", _refuse_broken_reply)
        self._pool = ThreadPoolExecutor(max_workers=session.settings.parallelism)
        self._pacer = Pacer()
        self._end = time.monotonic() + session.settings.patience
        self._wrote = time.monotonic()

    @property
    def endpoint(self) -> str:
        """Where calls go, whatever setting decided it."""
        return str(self._reader.meta.endpoint_url)

    def lacks(self, operation: str, members: Iterable[str]) -> list[str]:
        """Which of these members the service's operation does not take."""
        shape = self._reader.meta.service_model.operation_model(operation).input_shape
        return sorted(set(members) - set(shape.members))

    def read(self, calls: Sequence[Any]) -> Iterator[Any]:
        """Answer List and Get calls in their order, every page followed; a failure is a value.

        What is logged of them belongs to the caller's context."""
        context = copy_context()
        return self._pool.map(lambda call: context.copy().run(self._read, call), calls)

    def write(self, call: Any) -> Mapping[str, Any]:
        """Send one mutating call once, at the pace the service takes them.

        Raises `ApiError` when it was certainly not carried out (`ThrottledError` when it may be
        sent again), else `UnclearReplyError`.
        """
        if time.monotonic() - self._wrote > IDLE_SECONDS:
            self._writer.close()
        try:
            return self._paced(self._writer, call.operation, call.parameters)
        finally:
            self._wrote = time.monotonic()

    def close(self) -> None:
        """Let go of what only waits to be read; nothing can be read afterwards."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, call: Any) -> Mapping[str, Any] | ReconcilerError:
        try:
            return self._pages(call.operation, call.parameters)
        except (ApiError, UnclearReplyError) as error:
            return error

    def _pages(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """One reply with the items of every page."""
        model = self._reader.meta.service_model.operation_model(operation)
        member = _items_member(model)
        if member is None:
            return self._repeated(operation, parameters)
        wanted = dict(parameters)
        if "MaxResults" in model.input_shape.members:
            wanted["MaxResults"] = PAGE_SIZE
        items: list[Any] = []
        seen: set[str] = set()
        while True:
            reply = self._repeated(operation, wanted)
            if not isinstance(reply.get(member), list):
                raise UnclearReplyError(operation, f"the reply holds no list of {member}")
            items += reply[member]
            token = reply.get("NextToken")
            if not token:
                return {member: items}
            if "NextToken" not in model.input_shape.members:
                raise UnclearReplyError(operation, "there is more than no request can ask for")
            if token in seen or len(seen) >= MAX_PAGES:
                raise UnclearReplyError(operation, "the pages do not come to an end")
            seen.add(token)
            wanted["NextToken"] = token

    def _repeated(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The reply to a read, which is made again when it is throttled or fails on the way."""
        end, delays = time.monotonic() + THROTTLED_SECONDS, list(RETRY_DELAYS)
        end = min(end, self._end)
        while True:
            try:
                return self._paced(self._reader, operation, parameters)
            except ThrottledError:
                if time.monotonic() > end:
                    raise
            except (ApiError, UnclearReplyError) as error:
                if not delays or not _is_passing(error) or time.monotonic() > self._end:
                    raise
                time.sleep(delays.pop(0) * random.uniform(0.5, 1.5))  # noqa: S311

    def _paced(
        self, client: Any, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The reply to a call that is sent once the service is likely to take it."""
        sent = self._pacer.wait()
        try:
            reply = _call(client, operation, parameters)
        except ThrottledError:
            self._pacer.refused(sent)
            raise
        self._pacer.passed(sent)
        return reply


def _is_passing(error: ReconcilerError) -> bool:
    """Whether a read failed on the way or inside the service, so that another may succeed."""
    return isinstance(error, UnclearReplyError) or (
        isinstance(error, ApiError) and error.code == "Unreachable"
    )


def _items_member(model: Any) -> str | None:
    """The member with the items, for an operation that answers in pages."""
    members = model.output_shape.members if model.output_shape else {}
    if "NextToken" not in members:
        return None
    return str(next(name for name, shape in members.items() if shape.type_name == "list"))


def _call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    method: Callable[..., Mapping[str, Any]] = getattr(client, xform_name(operation))
    started = time.monotonic()
    try:
        return method(**parameters)
    except ClientError as error:
        raise _explained(client, operation, error) from error
    except (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError) as error:
        raise ApiError(operation, "Unreachable", one_line(error)) from error
    except SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):  # nothing has been sent yet
            raise ApiError(operation, "Unreachable", one_line(error)) from error
        raise UnclearReplyError(operation, one_line(error)) from error
    except NO_LOGIN as error:
        raise ApiError(operation, "NoCredentials", one_line(error)) from error
    except ParamValidationError as error:
        raise ApiError(operation, "ParamValidation", one_line(error)) from error
    except ReconcilerError:
        raise
    except BotoCoreError as error:
        raise UnclearReplyError(operation, one_line(error)) from error
    except Exception as error:
        # A reply of an unexpected shape makes botocore's parsers raise whatever comes up.
        reason = f"the reply cannot be understood: {one_line(error)}"
        raise UnclearReplyError(operation, reason) from error
    finally:
        milliseconds = (time.monotonic() - started) * 1000
        _log.info("%s %s (%.0f ms)", operation, _subject(parameters), milliseconds)


def _subject(parameters: Mapping[str, Any]) -> str:
    """What a call is about, for the log: its first plain value, never a certificate or tags."""
    return safe(next((str(v) for v in parameters.values() if isinstance(v, str)), ""))


def _explained(client: Any, operation: str, error: ClientError) -> ReconcilerError:
    """A refusal by the service is a certain no; a server's failure (5xx) is none, nor is what
    something on the way says, which has not the service's words for it."""
    details = error.response.get("Error", {})
    code, reason = (without_secrets(str(details.get(name, ""))) for name in ("Code", "Message"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    declared = {shape.name for shape in client.meta.service_model.error_shapes}
    if not 400 <= status < 500 or code not in (CERTAIN | declared) - UNCERTAIN:
        return UnclearReplyError(operation, f"HTTP {status}: {code}: {reason}")
    if code in THROTTLED:
        return ThrottledError(operation, code, reason)
    if code == "ResourceNotFoundException":
        return NotFoundError(operation, code, reason)
    return ApiError(operation, code, reason)


def _refuse_broken_reply(
    operation_model: Any, response_dict: Mapping[str, Any], **_: object
) -> None:
    """Refuse a yes that is cut short or no JSON object, which botocore would take for an empty
    reply: an account full of connections would look like one without any. And refuse one that the
    service's model does not allow: what is made of it relies on that."""
    if response_dict["status_code"] >= 300:
        return
    body, headers = response_dict["body"], response_dict["headers"]
    promised = headers.get("content-length")
    if promised is not None and promised.isdigit() and int(promised) != len(body):
        raise UnclearReplyError(
            operation_model.name, f"the reply is cut short: {len(body)} of {promised} bytes"
        )
    if not body and not (operation_model.output_shape and operation_model.output_shape.members):
        return
    try:
        reply = json.loads(body)
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        raise UnclearReplyError(operation_model.name, "the reply is not a JSON object")
    if wrong := misfit(operation_model.output_shape, reply):
        reason = f"the reply cannot be understood: {wrong}"
        raise UnclearReplyError(operation_model.name, reason)
