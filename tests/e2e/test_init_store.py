"""`chatbot init-store` with the real program, and a conversation in the table that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.keys import unique
from tests.dynamodb_server import ENVIRONMENT
from tests.e2e.program import REX

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
    assert "make it with `chatbot init-store`" in missing.err
    made = await program.run("init-store")
    assert (made.code, made.out) == (0, b"")
    assert "The table is made" in made.err
    again = await program.run("init-store")
    assert again.code == 0
    assert "there already" in again.err
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
    assert "Nothing is to be done" in ended.err


async def test_without_credentials_it_says_what_to_set(program: Program) -> None:
    program.settings |= {"AWS_EC2_METADATA_DISABLED": "true"}
    program.settings["CHATBOT_STORE"] = "dynamodb://chatbot?region=eu-central-1"
    ended = await program.run("init-store")
    assert ended.code == 2
    assert "set AWS_ACCESS_KEY_ID" in ended.err
    assert len(ended.err.splitlines()) == 1
