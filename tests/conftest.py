"""What all tests share: how hard Hypothesis tries, and which behaviours are shown."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The default is the same on every machine and in every run: a red test stays red.
settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
# The long one looks for what nobody thought of: `nox -s fuzz`.
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
