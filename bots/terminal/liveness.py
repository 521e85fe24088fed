"""Which terminal said a message, and whether that terminal is still there.

A message's id begins with a name for the process that sent it. So a terminal that starts in a
thread where something still waits can tell an interrupted conversation, which it goes on with,
from one that another terminal is having at this moment.
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
    """Return an id that no message had before."""
    return f"{process_name()}.{uuid4().hex}"


def is_abandoned(message: str) -> bool:
    """Tell whether the process that sent the message with this id is gone for certain."""
    host, _, rest = message.partition(".")
    pid = rest.partition(".")[0]
    if host != _host() or not pid.isdecimal():
        return False
    # Not sent in this run: a process of the same number sent it, which is over.
    return int(pid) == os.getpid() or not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # there, kill(pid, 0) does kill
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
