from django.db import models


class Counted(models.Model):
    """The attempts at one key: when each was, in seconds since 1970, the oldest first."""

    key = models.CharField(max_length=100, primary_key=True)
    times = models.JSONField(default=list)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
