"""A DynamoDB that is not what we were told, or not open to us, is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.errors import ChatbotError, SettingsError, StoreRefusedError, StoreUnavailableError
from core.store.dynamodb import DynamoStore, items, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import connect
from core.store.dynamodb.table import FORM_KEY
from core.store.keys import unique
from tests.builders import message, terms
from tests.clocks import ManualClock
from tests.dynamodb_server import credentials
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.dynamodb.connecting.client import Table
    from tests.dynamodb_server import DynamoServer
    from tests.faults.dynamodb_front import Front


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDeniedException", "allow them dynamodb:BatchGetItem"),
        ("UnrecognizedClientException", "they are wrong, or have expired"),
        ("ExpiredTokenException", "they are wrong, or have expired"),
        ("InvalidSignatureException", "this machine's clock is wrong"),
        ("ResourceNotFoundException", "create it with `chatbot init-store`"),
    ],
)
async def test_what_aws_refuses_is_one_sentence(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front, code: str, sentence: str
) -> None:
    store = await opened()
    front.fault = lambda *_: (code, 400)
    for call in (lambda: store.accept(message(1, "zebra"), terms()), store.check):
        with pytest.raises(StoreRefusedError, match=sentence) as caught:
            await call()
        assert "zebra" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("quick")
async def test_a_server_that_is_not_there(dynamodb_server: DynamoServer) -> None:
    url = dynamodb_server.url("chatbot", free_port())
    with pytest.raises(StoreUnavailableError, match="region or endpoint"):
        await DynamoStore.open(url, ManualClock(), session=dynamodb_server.session)


async def test_no_credentials_and_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare = credentials(known=False)
    wanted: dict[str, tuple[type[ChatbotError], str]] = {
        "dynamodb://chatbot": (SettingsError, "no AWS region is set"),
        "dynamodb://chatbot?region=eu-central-1": (StoreRefusedError, "AWS_ACCESS_KEY_ID"),
    }
    for url, (kind, sentence) in wanted.items():
        with pytest.raises(kind, match=sentence):
            await DynamoStore.open(url, ManualClock(), session=bare)


async def test_a_table_of_the_future_and_one_of_another_program(
    dynamo: Table,
    opened: Callable[..., Awaitable[DynamoStore]],
    dynamodb_server: DynamoServer,
) -> None:
    await dynamo.call("put_item", Item=items.of(FORM_KEY, version=99))
    with pytest.raises(StoreRefusedError, match="made by a newer program"):
        await opened()
    await dynamo.delete([FORM_KEY])
    with pytest.raises(StoreRefusedError, match="run `chatbot init-store`"):
        await opened()
    url = dynamodb_server.url(f"t{unique()}")
    other = parse(url)
    table = await connect(other, dynamodb_server.session)
    await table.call(
        "create_table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
    )
    with pytest.raises(StoreRefusedError, match="another program's"):
        await make_table(other, dynamodb_server.session)
    with pytest.raises(StoreRefusedError, match="another program's"):
        await DynamoStore.open(url, ManualClock(), session=dynamodb_server.session)
    await table.close()


async def test_the_operator_hears_that_nothing_expires(
    dynamo: Table,
    opened: Callable[..., Awaitable[DynamoStore]],
    dynamodb_server: DynamoServer,
) -> None:
    store = await opened()
    assert await store.check() == ()
    off = {"AttributeName": "expires", "Enabled": False}
    await dynamo.call("update_time_to_live", TimeToLiveSpecification=off)
    (sentence,) = await store.check()
    assert "run `chatbot init-store`" in sentence
    assert not await make_table(parse(dynamodb_server.url(dynamo.name)), dynamodb_server.session)
    assert await store.check() == ()


async def test_a_table_with_our_keys_and_without_our_indexes_is_not_taken_over(
    dynamodb_server: DynamoServer,
) -> None:
    address = parse(dynamodb_server.url(f"t{unique()}"))
    table = await connect(address, dynamodb_server.session)
    await table.call(
        "create_table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    with pytest.raises(StoreRefusedError, match="another program's"):
        await make_table(address, dynamodb_server.session)
    await table.close()
