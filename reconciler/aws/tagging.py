"""Reads the tags of many objects at once, by the Resource Groups Tagging API: an `Api` goes in, one
that makes fewer calls and gives the same answers comes out.

Which objects that API knows is for AWS to say
(https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html):
whatever its answer leaves out, such as what never had a tag, is read as without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.errors import ReconcilerError, UnclearReplyError

SERVICE = "resourcegroupstaggingapi"
OPERATION = "GetResources"
ALONE = "ListTagsForResource"
"""The operation that reads the tags of one object."""
TOGETHER = 100
"""How many ARNs one request may name (botocore service model, shape ResourceARNListForGet). Pages
are only for requests that name none."""


class Reader(Protocol):
    """An `Api`, as far as it is used here."""

    def read(self, calls: Sequence[Any]) -> Iterator[Any]:
        """The results of the reads, in their order."""
        ...

    def write(self, call: Any) -> Mapping[str, Any]:
        """The reply to a write."""
        ...


@dataclass(frozen=True, slots=True)
class _Request:
    """The tags of some objects."""

    parameters: Mapping[str, Any]
    operation: str = OPERATION


class TagsTogether:
    """An `Api` whose tags come from the tagging API as far as it has them. Once that fails it is
    not asked again, and `tell` is given the reason."""

    def __init__(self, api: Reader, tagging: Reader, tell: Callable[[str], None]) -> None:
        self._api, self._tagging, self._tell = api, tagging, tell
        self._failed = False

    def read(self, calls: Sequence[Any]) -> Iterator[Any]:
        """The results of the reads, in their order."""
        found = self._found(list(dict.fromkeys(filter(None, map(_arn, calls)))))
        rest = self._api.read([call for call in calls if _arn(call) not in found])
        for call in calls:
            reply = found.get(_arn(call))
            yield next(rest) if reply is None else reply

    def write(self, call: Any) -> Mapping[str, Any]:
        """The reply to a write."""
        return self._api.write(call)

    def _found(self, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What reading the tags of each of these objects would answer, as far as the tagging API
        says it. For a single one it would spare nothing."""
        found: dict[str, Mapping[str, Any]] = {}
        if self._failed or len(arns) < 2:
            return found
        parts = [arns[start : start + TOGETHER] for start in range(0, len(arns), TOGETHER)]
        replies = self._tagging.read([_Request({"ResourceARNList": part}) for part in parts])
        for part, reply in zip(parts, replies, strict=True):
            try:
                found |= _tags(reply, part)
            except ReconcilerError as error:
                self._fail(error)
        return found

    def _fail(self, error: ReconcilerError) -> None:
        if not self._failed:
            self._tell(
                "Warning: tags are read one by one, since --tags-from tagging-api failed (what it "
                "needs: `reconciler iam-policy COMMAND --tags-from tagging-api`): "
                f"{error}"
            )
        self._failed = True


def _arn(call: Any) -> str:
    """The object whose tags a call reads; none for other calls."""
    return str(call.parameters["ResourceArn"]) if call.operation == ALONE else ""


def _tags(reply: Any, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The tags of these objects in a reply. One that is there twice has not said which are its own.
    Raises what the read came to, if that is an error."""
    if isinstance(reply, Exception):
        raise reply
    items = reply.get("ResourceTagMappingList")
    if not isinstance(items, list):
        raise UnclearReplyError(OPERATION, "the reply holds no list of ResourceTagMappingList")
    tags = [(item.get("ResourceARN"), item.get("Tags")) for item in items]
    times = Counter(arn for arn, _ in tags)
    return {
        arn: {"Tags": its}
        for arn, its in tags
        if its is not None and times[arn] == 1 and arn in arns
    }
