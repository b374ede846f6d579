"""Pages of a list: a query in, its page and an opaque token for the next one out."""

import base64
import binascii
import hashlib
import json
import sqlite3
from collections.abc import Sequence

from reconciler.emulator.call import Call

_BAD_TOKEN = "The NextToken is not valid. Use the one of the previous answer to the same request."


def page(
    call: Call, sql: str, values: Sequence[object], filters: Sequence[object] = ()
) -> tuple[list[sqlite3.Row], str | None]:
    """One page of `sql`, a query whose last two parameters are `id > ?` and `LIMIT ?`.

    A token holds for the same operation, account, Region and `filters`; MaxResults may differ.
    MaxResults of 0 or none gives the default page: the model allows 0, its meaning is unknown.
    """
    size = call.parameters.get("MaxResults") or call.settings.page_size
    bound = [call.operation, call.caller.account, call.caller.region, *filters]
    found = call.every(sql, *values, _position(call, bound), size + 1)
    token = None if len(found) <= size else _token(found[size - 1]["id"], bound)
    shown = found[:size]
    if call.lag:
        shown = [row for row in shown if row["created_at"] <= call.now - call.lag]
    return shown, token


def _token(position: int, bound: Sequence[object]) -> str:
    seal = hashlib.sha256(json.dumps([position, *bound]).encode()).hexdigest()[:32]
    return base64.urlsafe_b64encode(f"{position}:{seal}".encode()).decode()


def _position(call: Call, bound: Sequence[object]) -> int:
    token = call.parameters.get("NextToken")
    if token is None:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(token).decode().partition(":")[0])
    except (binascii.Error, ValueError):
        raise call.invalid(_BAD_TOKEN) from None
    if _token(position, bound) != token:
        raise call.invalid(_BAD_TOKEN)
    return position
