"""Errors of PostgreSQL and its driver, as one sentence for the operator. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import Error, InterfaceError, OperationalError, errors

from core.domain.errors import StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from core.domain.errors import ChatbotError


class UnnamedRefusalError(OperationalError):
    """A server refuses a connection with a code that says nothing more."""


FAILURES = (Error, OSError)
"""Everything a call to PostgreSQL may raise; TimeoutError is an OSError."""

_REFUSALS: dict[type[Error], str] = {
    errors.InvalidPassword: "refuses the user name or password in CHATBOT_STORE",
    errors.InvalidAuthorizationSpecification: (
        "does not let this user in from here: it has no such user, or its pg_hba.conf says no"
    ),
    errors.InvalidCatalogName: (
        "has no database of that name: make it (createdb), or change it in CHATBOT_STORE"
    ),
    errors.InsufficientPrivilege: (
        "does not give the user in CHATBOT_STORE a right that it needs: let it own its database "
        "(ALTER DATABASE … OWNER TO …), or GRANT CREATE, USAGE ON SCHEMA to it"
    ),
    errors.InvalidSchemaName: (
        "has no schema to put tables in: make the one that search_path names (CREATE SCHEMA)"
    ),
    errors.UndefinedTable: "has lost tables of the bot: put a backup in their place",
    errors.UndefinedColumn: (
        "has tables of other columns under the bot's names: give the bot a database of its own"
    ),
    errors.ReadOnlySqlTransaction: "is read-only: name the primary in CHATBOT_STORE",
    errors.UntranslatableCharacter: "can't store every character: make its database with UTF8",
}
_UNAVAILABLE: dict[type[Error], str] = {
    errors.DiskFull: "has no room left on its disk: make room there",
    errors.OutOfMemory: "is out of memory",
    errors.ConfigurationLimitExceeded: "has reached a limit, such as a quota: raise it there",
    errors.TooManyConnections: "takes no more connections: raise its max_connections",
    errors.LockNotAvailable: "has the thread locked for another session for too long",
    errors.QueryCanceled: "gave up on a statement (statement_timeout)",
    errors.CannotConnectNow: "is starting up or shutting down",
    errors.AdminShutdown: "is shutting down",
    errors.CrashShutdown: "is recovering from a crash",
    errors.DatabaseDropped: "has just dropped the database of CHATBOT_STORE",
    errors.IdleSessionTimeout: "closes idle connections (idle_session_timeout)",
    errors.SerializationFailure: "undid a change because of others at the same time",
    errors.DeadlockDetected: "undid a change because of others at the same time",
    errors.IdleInTransactionSessionTimeout: "gave up on a slow transaction (a timeout there)",
    errors.TransactionTimeout: "gave up on a slow transaction (a timeout there)",
}
_UNTRUSTED = (
    "shows a certificate that can't be verified: name the file of its authority in "
    "CHATBOT_STORE (?sslrootcert=FILE), and the host as in the certificate"
)
_NO_KEY = (
    "can't be shown the certificate of this client: name readable files in CHATBOT_STORE "
    "(?sslcert=FILE&sslkey=FILE), the key for this user alone"
)
_INVALID = "can't be reached so: an option in CHATBOT_STORE has a value that there is not"
_UNNAMED = (
    "refuses the connection ({code}): check the host, user, password and database in CHATBOT_STORE"
)
# What the driver says while a connection is made, and an English server; `refusal_code` finds the
# codes of the others.
_WHILE_CONNECTING: tuple[tuple[str, type[Error] | str], ...] = (
    ("password authentication failed", errors.InvalidPassword),
    ("no password supplied", "needs a password, which belongs in CHATBOT_STORE"),
    ("no pg_hba.conf entry", errors.InvalidAuthorizationSpecification),
    ("authentication failed", errors.InvalidAuthorizationSpecification),
    ("role ", "has no user of that name: make it (createuser), or change it in CHATBOT_STORE"),
    ("database ", errors.InvalidCatalogName),
    ("permission denied for database", errors.InsufficientPrivilege),
    ("certificate verify failed", _UNTRUSTED),
    ("root certificate file", _UNTRUSTED),
    ("certificate present, but not private key file", _NO_KEY),
    ("could not read certificate file", _NO_KEY),
    ("private key file", _NO_KEY),
    ("does not support SSL", "does not speak TLS, which CHATBOT_STORE asks for (sslmode)"),
    ("session is read-only", errors.ReadOnlySqlTransaction),
    ("invalid integer value", _INVALID),
    ('value: "', _INVALID),
)
_UNDONE = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)
_PASSING = (
    *("starting up", "shutting down", "recovery", "too many", "connection slots"),
    # PgBouncer's words, which are always English (src/client.c, src/objects.c)
    *("server_login_retry", "login has been failing", "query_wait_timeout", "no more connections"),
    *("cannot connect to server", "server conn crashed", "pooler is shut"),
)
_MISSING = ("role ", "database ")
_OF_CONNECTIONS = ("08", "57")
"""Classes of SQLSTATEs of connections (PostgreSQL's documentation, "Error Codes")."""


def passes(error: BaseException) -> bool:
    """Return whether the same call may succeed the next time."""
    if isinstance(error, _UNDONE):
        return True
    if isinstance(error, UnnamedRefusalError):
        return any(mark in str(error) for mark in _PASSING)
    if isinstance(error, tuple(_REFUSALS)) or _refused(str(error)) is not None:
        return False
    return isinstance(error, (OperationalError, InterfaceError, OSError))


def explained(error: BaseException, at: str) -> ChatbotError:
    """Return the error as ours: what is wrong with the PostgreSQL at this address, and what to do.

    The text repeats nothing that was sent, and nothing beyond the first line of the reply.
    """
    refusal = _refusal(error)
    if refusal is not None:
        return StoreRefusedError(f"the PostgreSQL at {at} {refusal}")
    return StoreUnavailableError(f"the PostgreSQL at {at} {_outage(error)}")


def _refusal(error: BaseException) -> str | None:
    """Return why the server can't be used as it is; None for an outage."""
    code = getattr(error, "sqlstate", None)
    if code in {None, errors.InvalidAuthorizationSpecification.sqlstate}:
        words = _refused(str(error))  # may be more exact than the code
        if words is not None:
            return words
    if isinstance(error, UnnamedRefusalError) and not passes(error):
        return _UNNAMED.format(code=code)
    return next((words for kind, words in _REFUSALS.items() if isinstance(error, kind)), None)


def _outage(error: BaseException) -> str:
    for kind, sentence in _UNAVAILABLE.items():
        if isinstance(error, kind):
            return sentence
    if isinstance(error, (TimeoutError, errors.ConnectionTimeout)):
        return "does not answer in time"
    code = getattr(error, "sqlstate", None)
    severed = isinstance(error, (OSError, OperationalError, InterfaceError))
    if severed and (code is None or code.startswith(_OF_CONNECTIONS)):
        return "can't be reached"
    return f"failed ({code or type(error).__name__})"


def _refused(said: str) -> str | None:
    """Return what a refusal to connect means; None for another or a transient error."""
    if any(mark in said for mark in _PASSING):
        return None
    for mark, meaning in _WHILE_CONNECTING:
        if mark in said and (mark not in _MISSING or "does not exist" in said):
            return meaning if isinstance(meaning, str) else _REFUSALS[meaning]
    return None
