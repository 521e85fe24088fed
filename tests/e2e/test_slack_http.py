"""The HTTP server as strangers use it: half requests, too many, rubbish, and recordings."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import itertools
import json
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiohttp.web import BaseRequest, Response

from bots.slack.connection import http, http_connections
from bots.slack.connection.http_connections import Connections, most_by_system
from core.models.scripted import ScriptedModel
from tests.e2e.program import Program, Running
from tests.e2e.slack_bot import answers, bot_on
from tests.fakes.slack import FakeSlack
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import User

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
VERIFICATION = b'{"type": "url_verification", "challenge": "abc"}'
OLD = 6 * 60


def port_of(bot: Bot) -> int:
    assert bot.slack.server is not None
    return bot.slack.server.port


def signed(secret: str, body: bytes, kind: str = JSON, *, age: float = 0) -> dict[str, str]:
    """Return the headers that Slack sends with a body."""
    at = str(int(time.time() - age))
    base = b"v0:" + at.encode() + b":" + body
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": signature,
    }


async def post(port: int, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/slack/events"
    async with (
        ClientSession(timeout=ClientTimeout(total=20)) as session,
        session.post(url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def health(port: int) -> int:
    url = f"http://127.0.0.1:{port}/healthz"
    async with (
        ClientSession(timeout=ClientTimeout(total=10)) as session,
        session.get(url) as answer,
    ):
        return answer.status


@asynccontextmanager
async def begun(port: int, *starts: bytes) -> AsyncGenerator[list[asyncio.StreamReader], None]:
    """Hold connections that have sent so much of a request."""
    async with AsyncExitStack() as stack:
        readers = []
        for start in starts:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(start)
            readers.append(reader)
        yield readers


async def is_closed(reader: asyncio.StreamReader, within: float) -> bool:
    """Return whether the other side ends a connection in so many seconds."""
    try:
        async with asyncio.timeout(within):
            while await reader.read(65536):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


# --- rubbish --------------------------------------------------------------------------------------

HEAD = b"POST /slack/events HTTP/1.1\r\nHost: x\r\n"
ODD_HEADERS: dict[str, dict[str, str]] = {
    "none": {},
    "an old time": {"age": "old"},
    "a time to come": {"age": "new"},
    "no signature": {"X-Slack-Request-Timestamp": "1"},
    "an empty signature": {"X-Slack-Signature": ""},
    "a signature that is no text": {"X-Slack-Signature": "v0=\u00e9\u00e9"},
    "a time that is no number": {"X-Slack-Request-Timestamp": "abc"},
    "a time of other digits": {"X-Slack-Request-Timestamp": "\u0661\u0662"},
    "a huge time": {"X-Slack-Request-Timestamp": "9" * 5000},
    "a negative time": {"X-Slack-Request-Timestamp": "-1"},
    "a time with a fraction": {"X-Slack-Request-Timestamp": "1.5"},
}


@pytest.mark.parametrize("odd", ODD_HEADERS)
async def test_what_is_not_signed_just_now_is_refused(odd: str) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        given = ODD_HEADERS[odd]
        age = {"old": OLD, "new": -OLD}.get(given.get("age", ""), 0)
        right = signed(fake.signing_secret, VERIFICATION, age=age)
        if not given:
            right = {"Content-Type": JSON}
        changed = {**right, **{name: value for name, value in given.items() if name != "age"}}
        assert (await post(port_of(bot), VERIFICATION, changed))[0] in {400, 401}
        good = signed(fake.signing_secret, VERIFICATION)
        assert (await post(port_of(bot), VERIFICATION, good))[0] == 200


RUBBISH: dict[str, tuple[bytes, str]] = {
    "no UTF-8": (b"\xff\xfe{", JSON),
    "an encoding that there is not": (b"{}", f"{JSON}; charset=nonsense"),
    "rot13": (b"{}", f"{JSON}; charset=rot13"),
    "deep JSON": (b"[" * 100_000, JSON),
    "deeper JSON": (b'{"a":' * 700_000, JSON),
    "a huge number": (b'{"a":' + b"9" * 1_000_000 + b"}", JSON),
    "a list": (b"[1]", JSON),
    "null": (b"null", JSON),
    "nothing": (b"", JSON),
    "a payload that is no JSON": (b"payload=%7B", FORM),
    "many fields": (b"&".join(b"a%d=1" % number for number in range(100_000)), FORM),
    "a broken multipart": (b"--x\r\n", "multipart/form-data; boundary=x"),
    "no type": (b"{}", ""),
    "five megabytes": (b"x" * (5 << 20), JSON),
}


@pytest.mark.parametrize("sort", RUBBISH)
async def test_unsigned_rubbish_is_refused_and_costs_a_line_at_most(
    sort: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, kind = RUBBISH[sort]
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        for shape in ({}, {"X-Slack-Request-Timestamp": str(int(time.time()))}):
            headers = {"Content-Type": kind, **shape, "X-Slack-Signature": f"v0={'0' * 64}"}
            for _ in range(5):
                try:
                    status, _ = await post(port_of(bot), body, headers)
                except ClientError:  # it need not be read to its end
                    status = 413
                assert status in {400, 401, 413, 415}
        assert len(caplog.records) <= 1
        assert await health(port_of(bot)) == 200


SIGNED = {name: RUBBISH[name] for name in ("no UTF-8", "a list", "null", "deep JSON", "nothing")}


@pytest.mark.parametrize("sort", SIGNED)
async def test_signed_rubbish_is_acknowledged_and_skipped(sort: str) -> None:
    body, kind = SIGNED[sort]
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        status, _ = await post(port_of(bot), body, signed(fake.signing_secret, body, kind))
        assert status < 500
        ann = fake.person("ann")
        asked = await fake.say(ann, fake.dm(ann), "hello")
        await fake.replies(fake.dm(ann), asked.ts)


@pytest.mark.parametrize("is_signed", [True, False])
async def test_who_asks_whether_to_send_the_body_is_told(is_signed: bool) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        headers = signed(fake.signing_secret, VERIFICATION) if is_signed else {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        size = len(VERIFICATION) if is_signed else 5_000
        head = f"{lines}Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(bot))
        writer.write(HEAD + head)
        async with asyncio.timeout(5):
            first = await reader.readline()
            assert first.split()[1] == (b"100" if is_signed else b"401")
            if is_signed:
                writer.write(VERIFICATION)
                assert b"200" in (await reader.readuntil(b"abc")).splitlines()[1]
        writer.close()
        await writer.wait_closed()


async def test_a_packed_body_is_not_unpacked() -> None:
    import zlib  # noqa: PLC0415

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b"0" * (50 << 20)) + packer.flush()
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
        for extra in (
            {},
            {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=" + "0" * 64},
        ):
            assert (await post(port_of(bot), bomb, {**headers, **extra}))[0] in {400, 401, 413}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/slack/events", 405),
        ("PUT", "/slack/events", 405),
        ("POST", "/healthz", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/", 404),
        ("POST", "/slack/events/", 404),
        ("GET", "/slack/install", 404),
        ("GET", "//healthz", 404),
        ("GET", "/metrics", 404),
        ("GET", "/healthz?x=1", 200),
        ("HEAD", "/healthz", 200),
        ("HEAD", "/slack/events", 405),
    ],
)
async def test_there_are_two_pages(method: str, path: str, status: int) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        url = f"http://127.0.0.1:{port_of(bot)}{path}"
        async with ClientSession() as session, session.request(method, url) as answer:
            assert answer.status == status


NO_HTTP = {
    "rubbish": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a long line": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": HEAD + b"".join(b"h%d: x\r\n" % n for n in range(5_000)) + b"\r\n",
    "a long header": HEAD + b"h: " + b"x" * 100_000 + b"\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "a length that is no number": HEAD + b"Content-Length: x\r\n\r\n",
    "broken chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n",
    "two ways at once": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("sort", NO_HTTP)
async def test_what_is_no_http_ends_its_connection_with_a_line_at_most(
    sort: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        async with begun(port_of(bot), *[NO_HTTP[sort]] * 5) as readers:
            for reader in readers:
                assert await is_closed(reader, 5)
        assert len(caplog.records) <= 1
        assert await health(port_of(bot)) == 200


# --- half and slow requests -----------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let heads and bodies be late after half a second, and idle connections too."""
    monkeypatch.setattr(http_connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(http_connections, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(http, "BODY_SECONDS", 0.5)


SLOW = {
    "nothing": b"",
    "half a line": b"POST /sla",
    "half a head": HEAD,
    "half a head of the other page": b"GET /healthz HTTP/1.1\r\n",
    "no body": HEAD + b"Content-Length: 10\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 10\r\n\r\nabc",
    "chunks without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "a request, and nothing more": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a request, and half of the next": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea",
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("sort", SLOW)
async def test_a_request_that_does_not_come_is_not_waited_for(sort: str) -> None:
    signature = f"X-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0={'0' * 64}"
    start = SLOW[sort].replace(b"Host: x", f"Host: x\r\n{signature}".encode())
    async with (
        FakeSlack() as fake,
        bot_on(fake, transport="http") as bot,
        begun(port_of(bot), *[start] * 3) as readers,
    ):
        for reader in readers:
            assert await is_closed(reader, 5)


@pytest.mark.usefixtures("hasty")
async def test_a_head_that_drips_is_not_waited_for() -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(bot))

        async def drip() -> None:
            for letter in itertools.cycle(b"GET /healthz HTTP/1.1\r\nh: x\r\n"):
                writer.write(bytes([letter]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await is_closed(reader, 10)
        dripping.cancel()
        writer.close()


async def test_whole_requests_over_one_connection_are_answered_one_after_the_other() -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        url = f"http://127.0.0.1:{port_of(bot)}/healthz"
        async with ClientSession() as session:
            for _ in range(20):
                async with session.get(url) as answer:
                    assert answer.status == 200


# --- too many -------------------------------------------------------------------------------------


class Wire(asyncio.Transport):
    """A connection from an address, that tells when it is dropped."""

    def __init__(self, address: str, dropped: Callable[[], None]) -> None:
        super().__init__({"peername": (address, 1)})
        self.abort = dropped  # type: ignore[method-assign]

    def close(self) -> None:
        """Close nothing."""

    def is_closing(self) -> bool:
        """Tell that it is open."""
        return False


async def test_the_oldest_idle_connection_of_the_largest_crowd_gives_way() -> None:
    guard = Connections(most=4)

    async def answered(request: BaseRequest) -> Response:
        del request
        return Response()

    server = guard.server(answered)
    made = [server() for _ in range(7)]
    dropped: list[int] = []

    def connect(number: int, address: str) -> None:
        made[number].connection_made(Wire(address, lambda: dropped.append(number)))

    for number, address in enumerate(("1.1.1.1", "2.2.2.2", "2.2.2.2", "2.2.2.2")):
        connect(number, address)
    connect(4, "3.3.3.3")
    connect(5, "2.2.2.2")
    connect(6, "::ffff:1.1.1.1")
    assert dropped == [1, 2, 3]
    for connection in made:
        connection.connection_lost(None)
    assert guard._count == 0
    assert not guard._idle


async def test_the_room_is_a_part_of_the_files_that_may_be_open() -> None:
    import resource  # noqa: PLC0415

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for files, most in ((256, 64), (1024, 256), (16, 8)):
            if files > soft:
                continue
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, 16), hard))
            assert most_by_system() == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Few(Program):
    """A program that may open only so many files, as where nobody has set more."""

    async def start(
        self, *arguments: str, out: int = asyncio.subprocess.PIPE, module: str = "bots"
    ) -> Running:
        """Start it, by a shell that sets the limit."""
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", 'ulimit -n 256; exec "$@"', "sh"),
            *(sys.executable, "-m", module, *arguments),
            env=self.environment,
            cwd=self.home,
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
        )
        return Running(process)


async def test_a_crowd_of_half_requests_keeps_out_nobody_in_the_real_program(
    tmp_path: Path,
) -> None:
    program, port = Few(tmp_path), free_port()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        program.settings |= {
            "CHATBOT_MODEL": "offline",
            "CHATBOT_SLACK_BASE_URL": fake.api_url,
            "CHATBOT_SLACK_PACE": "0",
            "CHATBOT_SLACK_PORT": str(port),
            "SLACK_BOT_TOKEN": fake.bot_token,
            "SLACK_SIGNING_SECRET": fake.signing_secret,
        }
        running = await program.start("run")
        try:
            await running.explained("/slack/events")
            await fake.use_http(f"http://127.0.0.1:{port}/slack/events")
            async with begun(port, *[HEAD] * 700) as readers:
                for _ in range(3):
                    assert await health(port) == 200
                asked = await fake.say(ann, fake.dm(ann), "hello")
                await fake.replies(fake.dm(ann), asked.ts)
                assert await is_closed(readers[0], 1)
            running.process.terminate()
            end = await running.end()
        finally:
            await running.kill()
    assert end.code == 0
    told = [line for line in end.err.splitlines() if "WARNING" in line or "ERROR" in line]
    assert len(told) <= 1, told


async def test_what_is_being_answered_does_not_give_way() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, ScriptedModel(reply=lambda _: "hello"), transport="http") as bot:
            assert bot.slack.server is not None
            bot.slack.server._connections.most = 3
            take = bot.slack.server._take
            assert take is not None

            async def slowly(*given: object) -> object:
                await gate.wait()
                return await take(*given)  # type: ignore[arg-type]

            bot.slack.server._take = slowly  # type: ignore[assignment]
            asked = await fake.say(ann, general, f"{fake.at_bot} hello")
            await asyncio.sleep(0.2)
            async with begun(port_of(bot), *[HEAD] * 10):
                gate.set()
                await fake.replies(general, asked.ts)
            posts = [post for post in fake.delivery.posts if post.event.get("ts") == asked.ts]
            assert all(post.attempts == 1 for post in posts)


# --- recordings -----------------------------------------------------------------------------------


def slash(fake: FakeSlack, who: User, text: str) -> bytes:
    fields = {
        "command": "/chatbot",
        "text": text,
        "user_id": who.id,
        "channel_id": fake.dm(who).id,
        "team_id": fake.team.id,
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:9/",
    }
    return urlencode(fields).encode()


def interactive(fake: FakeSlack, who: User, **payload: object) -> bytes:
    known = {"user": {"id": who.id}, "team": {"id": fake.team.id, "domain": "acme"}}
    return urlencode({"payload": json.dumps({**known, **payload})}).encode()


async def test_a_recorded_command_that_is_sent_again_does_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        asked = await fake.say(ann, dm, "My dog is Rex")
        await fake.replies(dm, asked.ts)
        body = slash(fake, ann, "reset")
        headers = signed(fake.signing_secret, body, FORM)
        assert (await post(port_of(bot), body, headers))[0] == 200

        def announced() -> int:
            texts = [m.text for m in fake.said_by_app(dm)]
            return sum("reset" in text.lower() for text in texts)

        await fake.until(announced)
        again = await fake.say(ann, dm, "My cat is Tom")
        await fake.replies(dm, again.ts)
        for _ in range(3):
            assert (await post(port_of(bot), body, headers))[0] == 200
        await fake.until(lambda: "was received twice" in caplog.text)
        assert announced() == 1
        records = (await bot.store.threads(person=ann.id)).threads
        assert [info.waiting for info in records] == [0]
        other = slash(fake, ann, "reset") + b"&more=1"  # the same words, another gesture
        assert (await post(port_of(bot), other, signed(fake.signing_secret, other, FORM)))[0] == 200
        await fake.until(lambda: announced() == 2)


async def test_a_recorded_press_of_a_button_that_is_sent_again_does_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        ann = fake.person("ann")
        asked = await fake.say(ann, fake.dm(ann), "hello")
        await fake.replies(fake.dm(ann), asked.ts)
        ((info,),) = [(await bot.store.threads(person=ann.id)).threads]
        bodies = (
            interactive(
                fake,
                ann,
                type="block_actions",
                trigger_id="1.2.4",
                container={"type": "view"},
                view={"type": "home", "id": "V1"},
                actions=[
                    {"action_id": "thread_reset", "block_id": "b", "type": "button"}
                    | {"value": str(info.thread)}
                ],
            ),
            interactive(
                fake,
                ann,
                type="view_submission",
                trigger_id="1.2.5",
                view={
                    "id": "V2",
                    "type": "modal",
                    "callback_id": "forget_thread",
                    "private_metadata": f"whole {info.thread}",
                },
            ),
        )
        for number, body in enumerate(bodies, 1):
            headers = signed(fake.signing_secret, body, FORM)
            for _ in range(3):
                assert (await post(port_of(bot), body, headers))[0] == 200
            await fake.until(lambda n=number: caplog.text.count("was received twice") == 2 * n)  # type: ignore[misc]
        told = [m.text for m in fake.said_by_app(fake.dm(ann))]
        assert sum("I have forgotten" in text for text in told) <= 1


async def test_a_recorded_event_that_is_sent_again_is_not_answered_again() -> None:
    async with FakeSlack() as fake, bot_on(fake, transport="http") as bot:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        asked = await fake.say(ann, general, f"{fake.at_bot} hello")
        await fake.replies(general, asked.ts)
        body = json.dumps(fake.delivery.of("app_mention")[0].payload).encode()
        for age in (0, 60):
            headers = signed(fake.signing_secret, body, age=age)
            assert (await post(port_of(bot), body, headers))[0] == 200
        await asyncio.sleep(0.3)
        assert len(answers(fake, general, asked.ts)) == 1
