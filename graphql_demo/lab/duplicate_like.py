"""The like counter counts twice.

The same like arrives many times at once, from two processes. The naive version checks first, then inserts
and increments a counter. Its tables have no constraint, and a counter column.
"""

import time
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import F
from django.utils import timezone

from community.models import Like, Product, Review
from community.reactions import like_review
from labkit import Counts, Experiment, at_once

RACERS = 100
WAY_SECONDS = 0.02  # from the service to the database and back, where the two are not one machine


class NaiveReview(models.Model):
    like_count = models.IntegerField(default=0)

    objects: models.Manager["NaiveReview"]

    class Meta:
        app_label = "lab"


class NaiveLike(models.Model):
    review = models.ForeignKey(NaiveReview, on_delete=models.CASCADE)
    username = models.CharField(max_length=150)

    objects: models.Manager["NaiveLike"]

    class Meta:
        app_label = "lab"


def like_naively(review_id: int) -> None:
    """What the mutation's resolver does."""
    review = NaiveReview.objects.get(pk=review_id)
    if not NaiveLike.objects.filter(review=review, username="finger").exists():
        time.sleep(WAY_SECONDS)
        NaiveLike.objects.create(review=review, username="finger")
        NaiveReview.objects.filter(pk=review.pk).update(like_count=F("like_count") + 1)


def like(review_id: UUID, username: str) -> None:
    user = get_user_model().objects.get(username=username)
    time.sleep(WAY_SECONDS)
    like_review(actor=user, review_id=review_id)


def naive() -> Counts:
    with connection.schema_editor() as editor:
        for model in (NaiveReview, NaiveLike):
            editor.create_model(model)
    try:
        review = NaiveReview.objects.create()
        warm = NaiveReview.objects.create()
        at_once(like_naively, [(review.pk,)] * RACERS, warm_up=(warm.pk,))
        review.refresh_from_db()
        return {"requests": RACERS, "like_rows": NaiveLike.objects.filter(review=review).count(), "like_counter": review.like_count}
    finally:
        with connection.schema_editor() as editor:
            for model in (NaiveLike, NaiveReview):
                editor.delete_model(model)


def solved() -> Counts:
    Product.objects.all().delete()
    author, _ = get_user_model().objects.get_or_create(username="author")
    get_user_model().objects.get_or_create(username="finger")
    product = Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")
    review = Review.objects.create(author=author, product=product, rating=5, body="Good.", posted_at=timezone.now())
    at_once(like, [(review.pk, "finger")] * RACERS)
    return {
        "requests": RACERS,
        "like_rows": Like.objects.filter(review=review).count(),
        "like_counter": review.likes.count(),
    }


experiment = Experiment(
    challenge="The like counter counts twice",
    solution="a unique constraint, an INSERT that ignores the conflict, and a count of the rows instead of a counter",
    load=f"one member likes one review {RACERS} times at once, from two processes; 20 ms between service and database",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["like_rows"] > 1 and counts["like_counter"] > 1,
    holds=lambda counts: (counts["like_rows"], counts["like_counter"]) == (1, 1),
    proof=("like_rows", "like_counter"),
    code="community/reactions.py",
)
