"""What happens to one AWS request: a message in, a reply out, and one transaction in between."""

import time
from collections.abc import Callable
from dataclasses import replace

from reconciler.emulator import faults, iam, query, requests, sts, wire
from reconciler.emulator.bucket import Buckets
from reconciler.emulator.call import Call, Json
from reconciler.emulator.caller import Caller
from reconciler.emulator.errors import ApiError
from reconciler.emulator.faults import Fault
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.requests import Request
from reconciler.emulator.settings import Settings
from reconciler.emulator.store import Store


class Service:
    """Answers AWS's clients out of one store."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._buckets = Buckets(settings.calls_per_second)

    def answer(self, message: Message) -> Reply:
        """The reply to a request for CodeConnections, CodeStar connections, the tagging API, STS
        or IAM."""
        if query.speaks(message):
            return self._ask(message)
        if wire.protocol_of(message) == "cbor" and not wire.has_cbor():
            return wire.NO_CBOR
        return self._exchange(message)

    def _ask(self, message: Message) -> Reply:
        """The reply of STS or IAM; they have rates of their own, which are not played."""
        asked = query.read(message, self._clock(), [sts.API, iam.api(self._denies)])
        if isinstance(asked, Reply):
            return asked
        fault = self._fault(asked.action, sts.subject(asked))
        refusal = fault.refusal()
        if fault.kind == "AccessDeniedException":
            refusal = ApiError(fault.kind, sts.not_authorized(asked))
        reply, record = query.answer(asked, refusal)
        self._keep(record)
        return _late(fault, reply)

    def _denies(self, operation: str, caller: Caller) -> bool:
        with self._store.transaction() as rows:
            return faults.denies(rows, operation, caller)

    def _exchange(self, message: Message) -> Reply:
        service, fault = None, faults.NONE
        try:
            request = wire.decode(message)
            service = request.service
            fault = self._throttled(request) or self._fault(request.operation.name, request.caller)
            reply = wire.encode(request, self._perform(request, fault))
        except ApiError as error:
            protocol = wire.protocol_of(message)
            modelled = self._settings.modelled_statuses
            reply = wire.encode_error(protocol, error, service, modelled_statuses=modelled)
        return _late(fault, reply)

    def _throttled(self, request: wire.Decoded) -> Fault | None:
        if self._buckets.take(request.caller):
            return None
        declared = request.operation.declared & {"ThrottledException"}
        return Fault(kind=min(declared, default="ThrottlingException"))

    def _fault(self, operation: str, caller: Caller) -> Fault:
        with self._store.transaction() as rows:
            fault = faults.take(rows, operation, caller)
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        return fault

    def _perform(self, request: wire.Decoded, fault: Fault) -> Json:
        """Check, behave and log; whatever a behaviour has written is undone when it refuses."""
        record = _record(request, self._clock())
        try:
            if (refusal := fault.refusal()) is not None:
                raise refusal
            parameters = request.operation.check(request.parameters)
            with self._store.transaction() as rows:
                call = Call(
                    service=record.service,
                    operation=record.operation,
                    parameters=parameters,
                    caller=request.caller,
                    rows=rows,
                    settings=self._settings,
                    now=record.time,
                    declared=request.operation.declared,
                    lag=fault.lag,
                )
                result = request.operation.behaviour(call)
                requests.keep(rows, record, self._settings.requests_kept)
        except ApiError as error:
            self._keep(replace(record, error=error.code))
            raise
        return result

    def _keep(self, record: Request) -> None:
        with self._store.transaction() as rows:
            requests.keep(rows, record, self._settings.requests_kept)


def _late(fault: Fault, reply: Reply) -> Reply:
    if fault.kind == "timeout":
        time.sleep(fault.seconds)
    return faults.spoiled(fault, reply)


def _record(request: wire.Decoded, now: float) -> Request:
    return Request(
        sequence=0,
        time=now,
        service=request.operation.service,
        operation=request.operation.name,
        account=request.caller.account,
        region=request.caller.region,
        parameters=request.parameters if isinstance(request.parameters, dict) else {},
        mutating=request.operation.mutating,
        agent=request.agent,
    )
