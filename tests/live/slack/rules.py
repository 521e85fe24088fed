"""What we take Slack to do: one table, by which the live trial probes and our fake Slack refuses.

Where a real workspace does otherwise, the rule is wrong: mend it here, and the fake follows, and
the tests say what of ours does not hold any more. Lengths are in characters, times in seconds.
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
