"""The store's verbs, written once, over the rows of one thread.

A store that reads and writes a thread's rows atomically (dicts, a transaction) runs these functions
as they are. Redis runs the same steps as Lua scripts, since there the logic has to travel to the
data. One contract suite holds all stores to the same results.
"""

from core.store.verbs.erase import erase, redact
from core.store.verbs.inbox import AGAIN, Amendment, accept, amend, claim_once, configure, requeue
from core.store.verbs.pins import pin, unpin
from core.store.verbs.ratings import rate
from core.store.verbs.rows import Now, Rows, Tombstone
from core.store.verbs.transfer import load
from core.store.verbs.turn import claim, commit, compact, renew, settle, stop
from core.store.verbs.view import first_shown, peek, show

__all__ = [
    "AGAIN",
    "Amendment",
    "Now",
    "Rows",
    "Tombstone",
    "accept",
    "amend",
    "claim",
    "claim_once",
    "commit",
    "compact",
    "configure",
    "erase",
    "first_shown",
    "load",
    "peek",
    "pin",
    "rate",
    "redact",
    "renew",
    "requeue",
    "settle",
    "show",
    "stop",
    "unpin",
]
