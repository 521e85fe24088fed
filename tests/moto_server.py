"""moto's DynamoDB as a server, mended where it does not do what DynamoDB does.

    python -m tests.moto_server

says its port, and serves until its standard input ends: it never outlives who started it.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moto import backends
from moto.core import responses, utils
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import EmptyResult
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from tests.dynamodb_server import REGION
from tests.dynamodb_units import size
from tests.moto_server_meter import Meter
from tests.moto_server_query import in_order, narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Make = Any
"""One of moto's methods, as it came."""


STRUCTURE = "_serialize_type_structure"
TRANSACTION_BYTES = 4 * 1024 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


def undoing(transact: Make) -> Make:
    """Put back the items of a transaction that was cancelled, and take none that is too large.

    moto copies the whole table before each one, which takes longer the more there is in it.
    """

    def transact_write_items(self: Any, steps: list[dict[str, Any]]) -> None:
        if sum(size(step["Put"]["Item"]) for step in steps if "Put" in step) > TRANSACTION_BYTES:
            raise MockValidationException("Transaction size cannot exceed 4 MB")
        before = []
        for step in steps:
            ((_, told),) = step.items()
            table = self.get_table(told["TableName"])
            names = self.get_keys_value(table, told.get("Key") or told["Item"])
            before.append((table, names, table.get_item(*names)))
        try:
            transact(self, steps)
        except BaseException:
            for table, (first, second), item in before:
                if item is None:
                    table.items[first].pop(second, None)
                else:
                    table.items[first][second] = item
            raise

    return transact_write_items


def once(transact: Make) -> Make:
    """Do nothing a second time under the same token: moto does not look at it."""
    done: set[str] = set()

    def transact_write_items(self: Any) -> Any:
        token = self.body.get("ClientRequestToken")
        if token in done:
            return EmptyResult()
        result = transact(self)
        done.add(token)
        return result

    return transact_write_items


def direct(serialize: Make) -> Make:
    """Answer with an attribute's value as it is kept: moto makes each again, part by part."""

    def serialize_structure(self: Any, into: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and is_plain(value):
            into[key] = value
        else:
            serialize(self, into, value, shape, key)

    return serialize_structure


def is_plain(value: Any) -> bool:
    """Return whether a value is what the API shows; moto keeps the bytes of binary ones."""
    if type(value) is not dict or len(value) != 1:
        return False
    ((kind, inner),) = value.items()
    if kind == "L":
        return all(map(is_plain, inner))
    if kind == "M":
        return all(map(is_plain, inner.values()))
    return kind in {"S", "N", "BOOL", "NULL", "SS", "NS"}


class OneByOne:
    """Serves one request after the other: moto's transactions are none between threads.

    Two that are not DynamoDB's: GET /bill tells what all has cost so far; POST /TABLE puts items,
    a line of JSON each, into a table as they are, which moto itself is slow at.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], meter: Meter) -> None:
        self._app = app
        self._meter = meter
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            path = environ["PATH_INFO"].removeprefix("/")
            if not path:
                return [b"".join(self._app(environ, start))]
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            answer = b""
            if path == "bill":
                answer = json.dumps(asdict(self._meter.bill)).encode()
            else:
                fill(path, body)
            start("200 OK", [("Content-Length", str(len(answer)))])
            return [answer]


def fill(name: str, lines: bytes) -> None:
    """Put items into a table."""
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(name)
    for line in lines.splitlines():
        attrs = json.loads(line)
        first, second = DynamoType(attrs["pk"]), DynamoType(attrs["sk"])
        table.items[first][second] = Item(first, second, attrs)


class Handler(MotoRequestHandler):
    """Keeps connections, as AWS does, and makes no log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the standard input ends."""
    meter = Meter()
    modules = tuple(backends.list_of_moto_modules())
    patches = (
        # moto finds these out again for each request.
        (backends, "list_of_moto_modules", lambda: modules),
        (responses, "method_names_from_class", functools.cache(utils.method_names_from_class)),
        (ResponseSerializer, STRUCTURE, direct(getattr(ResponseSerializer, STRUCTURE))),
        (Table, "__init__", in_order(Table.__init__)),
        (Table, "__deepcopy__", lambda table, memo: table),  # see `undoing`
        (Table, "query", narrowed(Table.query, meter.read)),
        (DynamoDBBackend, "transact_write_items", undoing(DynamoDBBackend.transact_write_items)),
        (DynamoHandler, "transact_write_items", once(DynamoHandler.transact_write_items)),
        (DynamoHandler, "call_action", meter.counting(DynamoHandler.call_action)),
    )
    for owner, name, made in patches:
        setattr(owner, name, made)
    app = OneByOne(DomainDispatcherApplication(create_backend_app), meter)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)  # noqa: T201 - it is what was asked for
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
