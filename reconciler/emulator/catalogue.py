"""All operations that are served: botocore's service models in, one entry per operation out."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from reconciler.emulator import (
    connections,
    hosts,
    repository_links,
    sync_configurations,
    syncs,
    tagging,
    tags,
)
from reconciler.emulator.call import Behaviour
from reconciler.emulator.checks import Projector, Reader, projector, reader
from reconciler.emulator.errors import ApiError, violations

SERVICES = ("codeconnections", "codestar-connections")
TAGGING = "resourcegroupstaggingapi"

_BEHAVIOURS = (hosts, connections, repository_links, sync_configurations, syncs, tagging, tags)
_OUT_OF_RANGE = "InvalidParameterException"
_MUTATING = ("Create", "Update", "Delete", "Tag", "Untag")

Protocol = Literal["json", "cbor"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one service: what it takes, what it does, what it answers."""

    service: str
    name: str
    behaviour: Behaviour
    """A function of this package named like the operation, in snake_case."""
    read: Reader
    to_json: Projector
    to_cbor: Projector
    declared: frozenset[str]
    mutating: bool

    def check(self, parameters: Any) -> dict[str, Any]:
        """The parameters without unknown members; one ValidationException for all violations.

        The link and sync operations declare InvalidInputException; whether AWS answers violations
        of a shape with it is unknown. The other operations were seen to answer ValidationException.
        The tagging API declares an error for what is out of range.
        """
        problems: list[str] = []
        clean: dict[str, Any] = self.read(parameters, "", problems)
        if problems:
            error = violations(problems)
            out_of_range = min(self.declared & {_OUT_OF_RANGE}, default=error.code)
            raise ApiError(out_of_range, error.message)
        return clean


@dataclass(frozen=True, slots=True)
class Service:
    """One service name: the names it goes by on the wire, its operations and its errors."""

    name: str
    namespace: str
    """What precedes `#` in the type of a modelled error, such as com.amazonaws.codeconnections;
    empty where the model names none."""
    shape: str
    """The service's Smithy name, such as CodeConnections_20231201."""
    operations: dict[str, Operation]
    json_version: str
    """That of its AWS JSON."""
    statuses: dict[str, int]
    """Every modelled error with its HTTP status; 400 where the model names none."""


@cache
def services() -> dict[str, Service]:
    """All services by the names a request may call them: with their namespace and without."""
    found = [_service(name, service_model(name).operation_names) for name in SERVICES]
    found.append(_service(TAGGING, ["GetResources"]))
    return {service.shape: service for service in found} | {
        f"{service.namespace}.{service.shape}": service for service in found
    }


def service_model(name: str) -> ServiceModel:
    """The newest model of a service that the installed botocore carries."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def _service(name: str, operations: Iterable[str]) -> Service:
    model = service_model(name)
    namespace, _, shape = str(model.metadata["targetPrefix"]).rpartition(".")
    errors = [model.shape_for(one) for one in model.shape_names if one.endswith("Exception")]
    return Service(
        name=name,
        namespace=namespace,
        shape=shape,
        json_version=str(model.metadata["jsonVersion"]),
        operations={one: _operation(name, model.operation_model(one)) for one in operations},
        statuses={
            error.name: int(error.metadata.get("error", {}).get("httpStatusCode", 400))
            for error in errors
        },
    )


def _operation(service: str, model: OperationModel) -> Operation:
    return Operation(
        service=service,
        name=model.name,
        behaviour=_behaviour(xform_name(model.name)),
        read=reader(model.input_shape),
        to_json=projector(model.output_shape, float),
        to_cbor=projector(model.output_shape, _tagged),
        declared=frozenset(error.name for error in model.error_shapes),
        mutating=model.name.startswith(_MUTATING),
    )


def _behaviour(name: str) -> Behaviour:
    for module in _BEHAVIOURS:
        found: Behaviour | None = getattr(module, name, None)
        if found is not None:
            return found
    raise LookupError(f"no behaviour is written for the operation {name}")


def _tagged(seconds: float) -> Any:
    # Only the answer to a request in CBOR comes here, and that was read with cbor2.
    from cbor2 import CBORTag

    return CBORTag(1, float(seconds))
