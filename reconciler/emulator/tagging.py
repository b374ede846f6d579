"""As much of the Resource Groups Tagging API as reads tags: GetResources.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

import base64
import binascii
import json
from typing import Any

from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import ApiError

_PAGE = 100
_ALONE = ("TagFilters", "ResourceTypeFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")
"""What does not go with ResourceARNList."""
_KNOWN = """
    SELECT arn FROM once_tagged JOIN (
        SELECT arn, account, region, created_at FROM connections
        UNION ALL SELECT arn, account, region, created_at FROM hosts
            WHERE gone_at IS NULL OR gone_at > :now
        UNION ALL SELECT arn, account, region, created_at FROM repository_links
    ) USING (arn)
    WHERE account = :account AND region = :region AND created_at <= :now - :lag
        AND arn > :after AND (:arns IS NULL OR arn IN (SELECT value FROM json_each(:arns)))
    ORDER BY arn
"""


def get_resources(call: Call) -> Json:
    """What has tags, or once had some, in the caller's account and Region; what never had any is
    left out, and so is what is not there. TagsPerPage is checked, and pages are as long without
    it."""
    _check(call.parameters)
    size = call.parameters.get("ResourcesPerPage", _PAGE)
    found: list[Json] = []
    for arn in _known(call) if call.settings.tagging_api_covers else ():
        tags = _tags(call, arn)
        if not (_is_of_type(call, arn) and _has_tags(call, tags)):
            continue
        if len(found) == size:
            token = base64.urlsafe_b64encode(found[-1]["ResourceARN"].encode()).decode()
            return {"ResourceTagMappingList": found, "PaginationToken": token}
        found.append({"ResourceARN": arn, "Tags": tags})
    return {"ResourceTagMappingList": found, "PaginationToken": ""}


def _check(parameters: Json) -> None:
    """InvalidParameterException for what does not go together, and for pages of no size."""
    also = [name for name in _ALONE if parameters.get(name)]
    if "ResourceARNList" in parameters and also:
        raise _invalid(f"ResourceARNList cannot be combined with {also[0]}.")
    if not 1 <= parameters.get("ResourcesPerPage", _PAGE) <= _PAGE:
        raise _invalid(f"ResourcesPerPage must be between 1 and {_PAGE}.")
    if not 100 <= parameters.get("TagsPerPage", 100) <= 500:
        raise _invalid("TagsPerPage must be between 100 and 500.")
    if parameters.get("ExcludeCompliantResources") and not parameters.get(
        "IncludeComplianceDetails"
    ):
        raise _invalid("ExcludeCompliantResources needs IncludeComplianceDetails.")


def _known(call: Call) -> list[str]:
    arns = call.parameters.get("ResourceARNList")
    values = {
        "account": call.caller.account,
        "region": call.caller.region,
        "now": call.now,
        "lag": call.lag,
        "after": _after(call.parameters.get("PaginationToken", "")),
        "arns": None if arns is None else json.dumps(arns),
    }
    return [row["arn"] for row in call.rows.execute(_KNOWN, values)]


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _invalid("The PaginationToken is not valid.") from None


def _tags(call: Call, arn: str) -> list[dict[str, str]]:
    rows = call.every("SELECT key, value FROM tags WHERE arn = ? ORDER BY id", arn)
    return [{"Key": row["key"], "Value": row["value"]} for row in rows]


def _is_of_type(call: Call, arn: str) -> bool:
    """Whether a filter names the service in the ARN, alone or with the type of the resource."""
    wanted = call.parameters.get("ResourceTypeFilters")
    _, _, service, _, _, rest = arn.split(":", 5)
    return not wanted or not {service, f"{service}:{rest.partition('/')[0]}"}.isdisjoint(wanted)


def _has_tags(call: Call, tags: list[dict[str, str]]) -> bool:
    """Whether every filter is met: its key is there, with one of its values if it has some."""
    has = {tag["Key"]: tag["Value"] for tag in tags}
    wanted: list[dict[str, Any]] = call.parameters.get("TagFilters", [])
    return all(
        one.get("Key") in has and (not one.get("Values") or has[one["Key"]] in one["Values"])
        for one in wanted
    )


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
