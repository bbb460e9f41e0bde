from django.db import models


class StoredAnswer(models.Model):
    """One row a key: inserted first, in the transaction of the effect, and given the answer before it commits."""

    scope = models.CharField(max_length=200)  # whose key it is, and for which route: two users may pick the same key
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the body: the same key with another body is a client's bug
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(default="")  # text, not jsonb, which would answer with its keys in another order
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
