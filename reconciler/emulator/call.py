"""One request that has been read and checked, with all that a behaviour needs to answer it."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.emulator.caller import Caller
from reconciler.emulator.errors import ApiError
from reconciler.emulator.settings import Settings

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """An operation with valid parameters, inside one transaction of the store."""

    service: str
    """The service name whose API is called: codeconnections or codestar-connections."""
    operation: str
    parameters: Json
    caller: Caller
    rows: sqlite3.Connection
    settings: Settings
    now: float
    """Epoch seconds."""
    declared: frozenset[str]
    """The error codes that the model declares for the operation."""
    lag: float = 0.0
    """For how many seconds a list leaves out what is new."""

    def invalid(self, message: str) -> ApiError:
        """InvalidInputException where the operation declares it, else ValidationException.

        Host and tag operations declare neither, and answer ValidationException; so does the older
        service's CreateConnection (https://github.com/hashicorp/terraform-provider-aws/pull/25707).
        """
        name = "InvalidInputException"
        return ApiError(name if name in self.declared else "ValidationException", message)

    def missing(self, message: str) -> ApiError:
        """ResourceNotFoundException where the operation declares it, else what `invalid` gives:
        the newer service declares it for objects that a create call refers to."""
        code = "ResourceNotFoundException"
        return ApiError(code, message) if code in self.declared else self.invalid(message)

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self.rows.execute(sql, values).fetchone()
        return row

    def every(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.rows.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        """The number a counting query yields."""
        return int(self.rows.execute(sql, values).fetchone()[0])

    def write(self, sql: str, *values: object) -> None:
        """A statement that changes rows."""
        self.rows.execute(sql, values)

    def insert(self, table: str, **columns: object) -> None:
        """A new row; names of tables and columns are this package's own, never a caller's."""
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        self.rows.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", columns)  # noqa: S608

    def arn(self, resource: str) -> str:
        """A new ARN in the caller's account and Region.

        Its prefix follows the API that creates the object, as the acceptance tests of
        https://github.com/hashicorp/terraform-provider-aws assert.
        """
        caller = self.caller
        return f"arn:{caller.partition}:{self.service}:{caller.region}:{caller.account}:{resource}"


Behaviour: TypeAlias = Callable[[Call], Json]
"""What an operation does: a call in, the members of its output out, or ApiError."""
