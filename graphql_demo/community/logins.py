"""Limits login attempts, per address and per username."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from patterns.http.attempt_limit.attempts import Limit, count
from patterns.http.client_address import address_key, client_address, name_key


def count_address(request: HttpRequest) -> int:
    """The seconds to wait; 0: the attempt may proceed, and is counted."""
    peer, forwarded_for = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = client_address(peer, forwarded_for, trusted_proxies=settings.TRUSTED_PROXIES)
    return counted("address", settings.LOGINS_PER_MINUTE_AND_ADDRESS, address_key(address))


def count_name(username: str) -> int:
    return counted("user", settings.LOGINS_PER_MINUTE_AND_USER, name_key(username))


def counted(name: str, quota: int, subject: str) -> int:
    return count([(Limit(name, quota, 60), subject)], now=timezone.now()) if quota else 0
