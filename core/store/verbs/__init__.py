"""The store's verbs, written once, over the rows of one thread.

A store that can read and write a thread's rows atomically (a dict under a lock, a transaction)
runs these functions as they are. Redis runs the same steps as Lua scripts, since there the logic
has to travel to the data; one contract suite holds both to the same answers.
"""

from core.store.verbs.erase import erase
from core.store.verbs.inbox import AGAIN, accept, amend, claim_once, configure, requeue
from core.store.verbs.rows import Now, Rows, Tombstone
from core.store.verbs.transfer import load
from core.store.verbs.turn import claim, commit, compact, renew, settle, stop
from core.store.verbs.view import first_shown, show

__all__ = [
    "AGAIN",
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
    "renew",
    "requeue",
    "settle",
    "show",
    "stop",
]
