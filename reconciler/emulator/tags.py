"""Tags: TagResource, UntagResource and ListTagsForResource, and the rules that creates share."""

from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import limit_exceeded, not_found

# A connection is seen from every Region, the others from their own:
# https://docs.aws.amazon.com/dtconsole/latest/userguide/welcome-connections-how-it-works-global.html
_TAGGABLE = """
    SELECT region, 1 AS everywhere FROM connections WHERE arn = :arn AND account = :account
    UNION ALL SELECT region, 0 FROM hosts
        WHERE arn = :arn AND account = :account AND (gone_at IS NULL OR gone_at > :now)
    UNION ALL SELECT region, 0 FROM repository_links WHERE arn = :arn AND account = :account
"""


def tag_resource(call: Call) -> Json:
    """Adds tags, or gives those that exist a new value."""
    arn = _taggable(call, writing=True)
    attach(call, arn, call.parameters["Tags"])
    return {}


def untag_resource(call: Call) -> Json:
    """Takes tags away; keys that are not there are no error."""
    arn = _taggable(call, writing=True)
    keys: list[str] = call.parameters["TagKeys"]
    _refuse_reserved(call, keys)
    call.rows.executemany(
        "DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys]
    )
    return {}


def list_tags_for_resource(call: Call) -> Json:
    """All tags of a resource; the operation has no pages."""
    arn = _taggable(call, writing=False)
    rows = call.every("SELECT key, value FROM tags WHERE arn = ? ORDER BY id", arn)
    return {"Tags": [{"Key": row["key"], "Value": row["value"]} for row in rows]}


def attach(call: Call, arn: str, tags: list[dict[str, str]] | None) -> None:
    """Sets tags on an object. LimitExceededException beyond the quota, bad input for bad keys.

    Refusing keys that start with "aws:" and keys given twice is the custom of AWS's services;
    neither is documented for this one.
    """
    if not tags:
        return
    call.write("INSERT OR IGNORE INTO once_tagged VALUES (?)", arn)
    keys = [tag["Key"] for tag in tags]
    _refuse_reserved(call, keys)
    if len(set(keys)) < len(keys):
        raise call.invalid(
            "Duplicate tag keys found. Please note that tag keys are case sensitive."
        )
    call.rows.executemany(
        "INSERT INTO tags (arn, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value",
        [(arn, tag["Key"], tag["Value"]) for tag in tags],
    )
    most = call.settings.quotas.tags
    if call.count("SELECT count(*) FROM tags WHERE arn = ?", arn) > most:
        raise limit_exceeded(f"A resource can have at most {most} tags.")


def detach(call: Call, arn: str) -> None:
    """Forgets the tags of an object that is deleted."""
    call.write("DELETE FROM tags WHERE arn = ?", arn)


def _refuse_reserved(call: Call, keys: list[str]) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise call.invalid(f"Tag key {key} is not valid: keys starting with aws: are reserved.")


def _taggable(call: Call, *, writing: bool) -> str:
    arn: str = call.parameters["ResourceArn"]
    values = {"arn": arn, "account": call.caller.account, "now": call.now}
    row = call.rows.execute(_TAGGABLE, values).fetchone()
    if row is None:
        raise not_found(f"Resource {arn} was not found.")
    if row["region"] != call.caller.region:
        refused = writing and call.settings.foreign_region_writes == "refuse"
        if not row["everywhere"] or refused:
            raise not_found(f"Resource {arn} was not found in {call.caller.region}.")
    return arn
