from django.db import models


class FlushedBatch(models.Model):
    """A batch that the database has. Needed until Redis has dropped the batch."""

    id = models.UUIDField(primary_key=True)
    flushed_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return str(self.pk)
