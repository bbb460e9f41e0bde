"""The promises that every service keeps: see labkit/service_checks.py."""

import pytest

pytest.register_assert_rewrite("labkit.service_checks")

from labkit.service_checks import *  # noqa: E402, F403
