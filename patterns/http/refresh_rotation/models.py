from datetime import datetime

from django.conf import settings
from django.db import models


class RefreshFamilyQuerySet(models.QuerySet["RefreshFamily"]):
    def alive(self, now: datetime) -> "RefreshFamilyQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=now)

    def over(self, now: datetime) -> "RefreshFamilyQuerySet":
        """Those that no token can bring back: to be deleted."""
        return self.filter(expires_at__lte=now)

    def revoke(self, now: datetime) -> int:
        """How many it was that ended now."""
        return self.filter(revoked_at=None).update(revoked_at=now)


class RefreshFamily(models.Model):
    """One login. One row, and not one for each token: rotation and revocation take turns at it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_families")
    selector = models.CharField(max_length=64, unique=True)  # SHA-256 of what all tokens of the family begin with
    current = models.CharField(max_length=64)  # SHA-256 of the one token that may be used
    password_stamp = models.CharField(max_length=128)  # an HMAC of the password's hash at the login
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    objects = RefreshFamilyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"family {self.pk} of user {self.user_id}"
