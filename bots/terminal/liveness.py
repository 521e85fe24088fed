"""Which process sent a message, and whether that process still runs.

A message's id starts with a name for the process that sent it. So a terminal that opens a thread
where messages still wait can tell an interrupted conversation, which it continues, from one that
another terminal is having right now.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from uuid import uuid4


def process_name() -> str:
    """Return a name for this process on this host."""
    return f"{_host()}.{os.getpid()}"


def message_id() -> str:
    """Return a new, unique message id."""
    return f"{process_name()}.{uuid4().hex}"


def is_abandoned(message: str) -> bool:
    """Return whether the process that sent the message with this id is certainly gone."""
    host, _, rest = message.partition(".")
    pid = rest.partition(".")[0]
    if host != _host() or not pid.isdecimal():
        return False
    # If the number is ours, an earlier process with the same number sent it.
    return int(pid) == os.getpid() or not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # kill(pid, 0) would kill it there
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()
