"""The rules that we assume Slack follows: the live trial checks them, our fake enforces them.

If a real workspace differs, the rule is wrong: fix it here, and the fake follows, and the tests
show what of our code no longer works. Lengths are in characters, times in seconds.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.live.rules import Rule
from tests.live.slack.rules_around import AROUND, STREAMS
from tests.live.slack.rules_messages import CONTENT, POSTS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES", "Rule"]

RULES: Mapping[str, Rule] = MappingProxyType({**POSTS, **CONTENT, **STREAMS, **AROUND})
"""All rules, by name."""
