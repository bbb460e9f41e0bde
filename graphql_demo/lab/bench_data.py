"""What the feed is measured on."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connection

from community.models import Comment, Follow, Like, Product, Review

STORED, POSTS, COMMENTS, AUTHORS = 2_000, 20, 3, 50
QUERY = """query ($first: Int!) { feed(first: $first) { edges { node {
    rating body author { username } product { sku name } likeCount commentCount
    comments(first: 3) { edges { node { body author { username } } } }
} } } }"""
NAIVE_QUERY = QUERY.replace("commentCount", "")


def fill() -> User:
    """Reviews by many authors, all of whom the reader follows; each has up to 8 comments and 5 likes."""
    users = get_user_model().objects
    reader, *people = (users.get_or_create(username=name)[0] for name in ("reader", *(f"author {n}" for n in range(AUTHORS))))
    if Review.objects.count() == STORED:
        return reader
    Review.objects.all().delete()
    Follow.objects.bulk_create((Follow(follower=reader, followed=other) for other in people), ignore_conflicts=True)
    wanted = (Product(sku=f"SKU-{n:06d}", name=f"Mug {n}", price="4.90") for n in range(STORED // AUTHORS))
    Product.objects.bulk_create(wanted, ignore_conflicts=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = [(author, product) for product in Product.objects.order_by("sku")[: STORED // AUTHORS] for author in people]
    reviews = Review.objects.bulk_create(
        Review(author=author, product=product, rating=n % 5 + 1, body="Good, and well made.", posted_at=start + timedelta(minutes=n))
        for n, (author, product) in enumerate(pairs)
    )
    Comment.objects.bulk_create(
        Comment(review=review, author=people[(n + i) % AUTHORS], body="Mine too.", posted_at=review.posted_at + timedelta(seconds=i))
        for n, review in enumerate(reviews)
        for i in range(n % 5 + COMMENTS)
    )
    Like.objects.bulk_create(Like(review=review, user=people[(n + i) % AUTHORS]) for n, review in enumerate(reviews) for i in range(n % 6))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return reader
