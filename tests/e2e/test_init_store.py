"""`chatbot init-store` with the real program, and a conversation in the table that it makes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.store.dynamodb import items, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import connect
from core.store.dynamodb.table import FORM_KEY
from core.store.keys import unique
from tests.dynamodb_server import ENVIRONMENT, REGION
from tests.e2e.program import REX, ROOT

if TYPE_CHECKING:
    from tests.dynamodb_server import DynamoServer
    from tests.e2e.program import Program


async def test_it_makes_the_table_and_the_bot_remembers_in_it(
    program: Program, dynamodb_server: DynamoServer
) -> None:
    program.settings |= ENVIRONMENT
    program.settings["CHATBOT_STORE"] = dynamodb_server.url(f"t{unique()}")
    missing = await program.run("run", says=REX[:1])
    assert missing.code == 2
    assert "create it with `chatbot init-store`" in missing.err
    made = await program.run("init-store")
    assert (made.code, made.out) == (0, b"")
    assert "Created the table" in made.err
    again = await program.run("init-store")
    assert again.code == 0
    assert "already exists" in again.err
    assert (await program.run("run", says=REX[:1])).code == 0
    went_on = await program.run("run", says=REX[1:])
    assert went_on.code == 0
    assert "My dog is called Rex." in went_on.lines[-1]
    for ended in (missing, made, again, went_on):
        assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in ended.err


async def test_a_store_that_needs_none_says_so(program: Program) -> None:
    program.settings["CHATBOT_STORE"] = f"sqlite:///{program.home}/store.db"
    ended = await program.run("init-store")
    assert ended.code == 0
    assert "Nothing to do" in ended.err


async def test_without_credentials_it_says_what_to_set(program: Program) -> None:
    program.settings |= {"AWS_EC2_METADATA_DISABLED": "true"}
    program.settings["CHATBOT_STORE"] = "dynamodb://chatbot?region=eu-central-1"
    ended = await program.run("init-store")
    assert ended.code == 2
    assert "set AWS_ACCESS_KEY_ID" in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_a_table_that_is_not_ours_is_one_sentence(
    program: Program, dynamodb_server: DynamoServer
) -> None:
    """Of another region, of another program, of a newer one: exit code 2, and what to do."""
    program.settings |= ENVIRONMENT
    url = dynamodb_server.url(f"t{unique()}")
    await make_table(parse(url), dynamodb_server.session)
    table = await connect(parse(url), dynamodb_server.session)
    await table.call("put_item", Item=items.of(FORM_KEY, version=99))
    other = dynamodb_server.url(f"t{unique()}")
    theirs = await connect(parse(other), dynamodb_server.session)
    await theirs.call(
        "create_table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
    )
    for at, command, sentence in (
        (url, "run", "made by a newer program"),
        (url, "init-store", "made by a newer program"),
        (url.replace(REGION, "us-west-2"), "run", "change its name or region"),
        (other, "run", "another program's"),
        (other, "init-store", "another program's"),
    ):
        program.settings["CHATBOT_STORE"] = at
        ended = await program.run(command, says=REX[:1] if command == "run" else b"")
        assert (ended.code, ended.out) == (2, b"")
        assert sentence in ended.err
        assert len(ended.err.splitlines()) == 1
    for each in (table, theirs):
        await each.call("delete_table")
        await each.close()


async def test_without_its_driver_it_says_what_to_install(program: Program) -> None:
    """The core runs without the extra; the module is hidden from the real program."""
    hidden = program.home / "hidden" / "aiobotocore"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError")
    program.settings["PYTHONPATH"] = f"{hidden.parent}{os.pathsep}{ROOT}"
    program.settings["CHATBOT_STORE"] = "dynamodb://chatbot?region=eu-central-1"
    for command in ("run", "init-store"):
        ended = await program.run(command)
        assert ended.code == 2
        assert "install the extra 'dynamodb'" in ended.err
        assert len(ended.err.splitlines()) == 1
