"""Creating the table, and checking that it is ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.store.dynamodb import index, items
from core.store.dynamodb.connecting.client import connect, pause
from core.store.dynamodb.connecting.errors import FAILURES, code_of, explained

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

    from core.store.dynamodb.connecting.address import Address
    from core.store.dynamodb.connecting.client import Table

VERSION = 1
"""The version of the table's form."""
FORM_KEY = ("form", "-")
"""The item that holds the table's version."""
PATIENCE = 300.0
"""Seconds to wait for AWS to create a table with its indexes, which usually takes ten."""

_KEYS = {"pk": "S", "sk": "S", "queue": "S", "due": "N", "sweeping": "S", "ends": "N"} | {
    "listing": "S",
    "label": "S",
}
_INDEXES = {
    index.WORK: ("queue", "due", ["beat"]),
    index.ENDS: ("sweeping", "ends", []),
    index.LISTS: ("listing", "label", []),
}
_UNSEEN = (
    "AWS does not let us read the settings of {at}: allow dynamodb:DescribeTimeToLive, or check "
    "that its time to live is on."
)
_OTHERS = (
    "{at} has other keys or indexes than ours: it is another program's; choose another name for "
    "the bot's"
)
TTL = {"AttributeName": "expires", "Enabled": True}


async def make_table(address: Address, session: AioSession | None = None) -> bool:
    """Create the table, or what is missing of it; return whether the table was created.

    May be repeated, and run by several processes at once.

    Raises:
        StoreRefusedError: The table belongs to another program, or AWS does not let us create
            one.
        StoreUnavailableError: AWS does not answer, or needs longer than `PATIENCE`.
    """
    table = await connect(address, session)
    try:
        made = await _create(table)
        await _until_active(table)
        await _expire(table)
        form = items.of(FORM_KEY, version=VERSION)
        absent = "attribute_not_exists(pk)"
        try:
            await table.client.put_item(TableName=table.name, Item=form, ConditionExpression=absent)
        except FAILURES as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise explained(error, table.at) from error
        await refuse_unfit(table)
        return made
    finally:
        await table.close()


async def refuse_unfit(table: Table) -> None:
    """Raise `StoreRefusedError` unless the table has the current form."""
    try:
        found = (await table.get([FORM_KEY])).get(FORM_KEY)
    except StoreUnavailableError as error:
        if error.__cause__ is not None and code_of(error.__cause__) == "ValidationException":
            raise StoreRefusedError(_OTHERS.format(at=table.at)) from error
        raise
    if found is None:
        raise StoreRefusedError(f"{table.at} is not set up yet: run `chatbot init-store`")
    version = items.number(found, "version") or 0
    if version > VERSION:
        raise StoreRefusedError(
            f"{table.at} was made by a newer program (version {version:g} of its form, this one "
            f"knows {VERSION}): run the newer program, or choose another table"
        )


async def remarks(table: Table) -> tuple[str, ...]:
    """Return a sentence for each thing that the operator should know of the table."""
    try:
        reply = await table.call("describe_time_to_live")
    except StoreRefusedError:
        return (_UNSEEN.format(at=table.at),)
    description = reply.get("TimeToLiveDescription", {})
    is_on = description.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if is_on and description.get("AttributeName") == TTL["AttributeName"]:
        return ()
    return (f"In {table.at} nothing expires by itself: run `chatbot init-store`.",)


async def _create(table: Table) -> bool:
    parameters: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema("pk", "sk"),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in _KEYS.items()
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "KeySchema": _schema(first, second),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": more}
                if more
                else {"ProjectionType": "KEYS_ONLY"},
            }
            for name, (first, second, more) in _INDEXES.items()
        ],
    }
    try:
        await table.client.create_table(TableName=table.name, **parameters)
    except FAILURES as error:
        if code_of(error) == "ResourceInUseException":  # it exists, or is being created
            return False
        raise explained(error, table.at) from error
    return True


async def _until_active(table: Table) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    attempt = 0
    while True:
        try:
            found = (await table.client.describe_table(TableName=table.name))["Table"]
        except FAILURES as error:
            if code_of(error) != "ResourceNotFoundException":  # it was created a moment ago
                raise explained(error, table.at) from error
            found = {}
        indexes = found.get("GlobalSecondaryIndexes", [])
        if found.get("TableStatus") in {"ACTIVE", "UPDATING"}:
            _refuse_others(table, found)
            if all(each.get("IndexStatus", "ACTIVE") == "ACTIVE" for each in indexes):
                return
        if asyncio.get_running_loop().time() > deadline:
            raise StoreUnavailableError(f"{table.at} is still being created: try again later")
        await asyncio.sleep(pause(attempt))
        attempt += 1


def _refuse_others(table: Table, found: dict[str, Any]) -> None:
    indexes = found.get("GlobalSecondaryIndexes", [])
    shapes = {each["IndexName"]: each["KeySchema"] for each in indexes}
    wanted = {name: _schema(first, second) for name, (first, second, _) in _INDEXES.items()}
    if found["KeySchema"] != _schema("pk", "sk") or not wanted.items() <= shapes.items():
        raise StoreRefusedError(_OTHERS.format(at=table.at))


async def _expire(table: Table) -> None:
    """Let DynamoDB remove expired items; the error for asking twice means nothing."""
    if not await remarks(table):
        return
    try:
        await table.client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=TTL)
    except FAILURES as error:
        if code_of(error) != "ValidationException":
            raise explained(error, table.at) from error


def _schema(first: str, second: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": first, "KeyType": "HASH"},
        {"AttributeName": second, "KeyType": "RANGE"},
    ]
