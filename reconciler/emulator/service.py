"""What happens to one AWS request: a message in, a reply out, and one transaction in between."""

import time
from collections.abc import Callable
from dataclasses import replace

from reconciler.emulator import faults, iam, query, requests, sts, wire
from reconciler.emulator.bucket import Bucket
from reconciler.emulator.call import Call, Json
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
        self._bucket = Bucket(settings.calls_per_second)

    def answer(self, message: Message) -> Reply:
        """The reply to a request for CodeConnections, CodeStar connections, STS or IAM."""
        if query.speaks(message):
            apis = [sts.API, iam.api(self._denies)]
            reply, record = query.answer(message, self._clock(), apis)
            if record is not None:
                self._keep(record)
            return reply
        if wire.protocol_of(message) == "cbor" and not wire.has_cbor():
            return wire.NO_CBOR
        return self._exchange(message)

    def _denies(self, operation: str) -> bool:
        with self._store.transaction() as rows:
            return faults.denies(rows, operation)

    def _exchange(self, message: Message) -> Reply:
        service, fault = None, faults.NONE
        try:
            request = wire.decode(message)
            service = request.service
            fault = self._fault(request)
            reply = wire.encode(request, self._perform(request, fault))
        except ApiError as error:
            protocol = wire.protocol_of(message)
            modelled = self._settings.modelled_statuses
            reply = wire.encode_error(protocol, error, service, modelled_statuses=modelled)
        if fault.kind == "timeout":
            time.sleep(fault.seconds)
        return faults.spoiled(fault, reply)

    def _fault(self, request: wire.Decoded) -> Fault:
        if not self._bucket.take():
            return Fault(kind="ThrottlingException")
        with self._store.transaction() as rows:
            fault = faults.take(rows, request.operation.name)
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
