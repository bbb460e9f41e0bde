from django.db import models


class FlushedBatch(models.Model):
    """A batch that the database has. Needed until Redis has forgotten the batch, which the same flush does."""

    id = models.UUIDField(primary_key=True)
    flushed_at = models.DateTimeField(auto_now_add=True, db_index=True)
