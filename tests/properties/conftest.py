"""How long Hypothesis searches: `HYPOTHESIS_PROFILE` is `ci`, the default, or `nightly`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The same cases each time, so that a run says something about the code alone.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    stateful_step_count=50,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=3_000,
    stateful_step_count=200,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
