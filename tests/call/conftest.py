"""How long property tests of the call's rules may think."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("call", max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
