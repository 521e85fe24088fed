"""Who is first: of several processes, or of several tries, the one that may do a thing.

A platform may tell each replica of the same event, where none of them stores it as a message: a
press of a button, a command. The first to name it in the store does it, the others let it be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.admission import STATES, Admission, AdmissionPolicy
from core.domain.message import Author, Kind, Message, ThreadKey

if TYPE_CHECKING:
    from core.store.port import Store

_NOBODY = Author(id="-", name="-")
_TERMS = AdmissionPolicy(admissions=(Admission.GONE,) * len(STATES), ttl=1, reach=1)
"""Nothing is stored of it but its hashed name, for `core.store.keys.SEEN_SECONDS`."""


async def claim_once(store: Store, platform: str, name: str) -> bool:
    """Tell whether nobody was told so before under this name.

    A call whose answer was lost, and which the store's client repeats, is still the first. Raises
    `StoreError`.
    """
    message = Message(
        thread=ThreadKey(platform, "once", name),
        kind=Kind.DM,
        id=name,
        identities=(f"{platform}:once:{name}",),
        author=_NOBODY,
        text="",
        at=0,
    )
    return (await store.accept(message, _TERMS)).new
