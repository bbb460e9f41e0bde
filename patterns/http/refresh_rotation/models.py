from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

BATCH = 1_000  # rows of one DELETE: short locks, and a prune that is stopped keeps its progress


class RefreshFamilyQuerySet(models.QuerySet["RefreshFamily"]):
    def alive(self, now: datetime) -> "RefreshFamilyQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=now)

    def revoke(self, now: datetime) -> int:
        """Returns how many were revoked now."""
        return self.filter(revoked_at=None).update(revoked_at=now)

    def prune(self, older_than: timedelta | datetime) -> int:
        """Deletes the families that expired before. Returns how many."""
        return sum(self.prune_batches(older_than))

    def prune_batches(self, older_than: timedelta | datetime) -> Iterator[int]:
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        old = self.filter(expires_at__lt=before).order_by("expires_at").values_list("pk", flat=True)
        while keys := list(old[:BATCH]):
            yield self.filter(pk__in=keys).delete()[0]


class RefreshFamily(models.Model):
    """One login. One row, not one per token: rotation and revocation wait for each other on it.

    All tokens of a family start with the same random part, which finds the row; the rest is new
    each time. Any token of the family but the current one has been used before.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_families"
    )
    selector = models.CharField(max_length=64, unique=True)  # SHA-256 of the common part
    current = models.CharField(max_length=64)  # SHA-256 of the token that may be used
    password_stamp = models.CharField(max_length=128)  # HMAC of the password hash at the login
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    objects = RefreshFamilyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"family {self.pk} of user {self.user_id}"
