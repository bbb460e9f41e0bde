"""Limits login attempts, per address and per username."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from patterns.http.attempt_limit.attempts import Limit, count
from patterns.http.client_address import address_key, client_address, name_key


def seconds_to_wait(request: HttpRequest, username: str) -> int:
    """Counts the attempt. 0: it may proceed."""
    peer, forwarded_for = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = client_address(peer, forwarded_for, trusted_proxies=settings.TRUSTED_PROXIES)
    quotas = {
        "address": (settings.LOGINS_PER_MINUTE_AND_ADDRESS, address_key(address)),
        "user": (settings.LOGINS_PER_MINUTE_AND_USER, name_key(username)),
    }
    checks = [(Limit(name, quota, 60), whom) for name, (quota, whom) in quotas.items() if quota]
    return count(checks, now=timezone.now()) if checks else 0
