"""Rejects user names with NUL: PostgreSQL cannot store it, and Django's backend would answer 500."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest


class NulRefusingBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username and "\x00" in username:
            return None
        return super().authenticate(request, username, password, **kwargs)
