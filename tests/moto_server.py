"""moto's DynamoDB as a server, mended where it does not do what DynamoDB does.

    python -m tests.moto_server

says its port, and serves until its standard input ends: it never outlives who started it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from moto.core.responses import EmptyResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Make = Any
"""One of moto's methods, as it came."""


def undoing(transact: Make) -> Make:
    """Put back the items of a transaction that was cancelled.

    moto copies the whole table before each one, which takes longer the more there is in it.
    """

    def transact_write_items(self: Any, steps: list[dict[str, Any]]) -> None:
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


def narrowed(query: Make) -> Make:
    """Look at what a query may find: moto sorts the whole table for each one."""

    def narrow(self: Any, hash_key: Any, *args: Any, **kwargs: Any) -> Any:
        index = kwargs.get("index_name") or args[6]
        if index:
            name = self.get_index(index).schema[0]["AttributeName"]
            rows = (row for partition in self.items.values() for row in partition.values())
            some = [row for row in rows if name in row.attrs]
        else:
            some = list(self.items.get(hash_key, {}).values())
        self.all_items = lambda: some
        try:
            return query(self, hash_key, *args, **kwargs)
        finally:
            del self.all_items

    return narrow


class OneByOne:
    """Serves one request after the other: moto's transactions are none between threads."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> Iterable[bytes]:
        with self._lock:
            return [b"".join(self._app(*args))]


class Handler(MotoRequestHandler):
    """Keeps connections, as AWS does, and makes no log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the standard input ends."""
    patches = (
        (Table, "__deepcopy__", lambda table, memo: table),  # see `undoing`
        (Table, "query", narrowed(Table.query)),
        (DynamoDBBackend, "transact_write_items", undoing(DynamoDBBackend.transact_write_items)),
        (DynamoHandler, "transact_write_items", once(DynamoHandler.transact_write_items)),
    )
    for owner, name, made in patches:
        setattr(owner, name, made)
    app = OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)  # noqa: T201 - it is what was asked for
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
