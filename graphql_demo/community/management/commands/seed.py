"""Fills the community with the same products, users and reviews each time. Running it again changes nothing."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from community.models import Comment, Follow, Like, Product, Review

SIZES = {"small": 12, "large": 40_000}  # products
REVIEWS_OF_A_PRODUCT = 5
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
REVIEWERS = ("anna", "ben", "carla", "david", "elif", "farid")  # beside the three who can log in
OPINIONS = (
    "It broke on the first day.",
    "Not what I hoped for.",
    "It does what it should.",
    "Good, and well made.",
    "I bought a second one.",
)
REPLIES = ("Mine too.", "I see it otherwise.", "Thank you, that helped.", "Where did you buy it?")
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 1_000


class Command(BaseCommand):
    help = "Creates products, their reviews, and the users customer, staff and admin, with the password DEMO_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="small: 60 reviews; large: 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD", "")
        if not password:
            raise CommandError("DEMO_PASSWORD is not set: the demo users need a password, and there is no default")
        user_model = get_user_model()
        for name, is_staff, is_admin in (("customer", False, False), ("staff", True, False), ("admin", True, True)):
            user, _ = user_model.objects.get_or_create(username=name, defaults={"is_staff": is_staff, "is_superuser": is_admin})
            if not user.check_password(password):
                user.set_password(password)
                user.save(update_fields=["password"])
        for name in REVIEWERS:
            user_model.objects.get_or_create(username=name, defaults={"password": "!"})  # no password fits: they never log in
        users = user_model.objects.in_bulk(("customer", "staff", "admin", *REVIEWERS), field_name="username")
        people = [users[name].pk for name in ("customer", "staff", "admin", *REVIEWERS)]
        Follow.objects.bulk_create(
            (Follow(follower_id=pk, followed_id=others[i]) for pk, others in circles(people) for i in range(2)), ignore_conflicts=True
        )
        for first in range(1, SIZES[size] + 1, BATCH):
            with transaction.atomic():
                fill(range(first, min(first + BATCH, SIZES[size] + 1)), people)
        counts = (f"{model.objects.count()} {model._meta.verbose_name_plural}" for model in (Product, Review, Comment, Like, Follow))
        self.stdout.write(f"seeded: {', '.join(counts)}, {len(people)} users")


def circles(people: list[int]) -> list[tuple[int, list[int]]]:
    """Each person with the others, from the next one round."""
    return [(pk, people[i + 1 :] + people[:i]) for i, pk in enumerate(people)]


def fill(numbers: range, people: list[int]) -> None:
    """The products of these numbers, and what is said about them. The n-th review of all has the id UUID(int=n)."""
    Product.objects.bulk_create(map(product, numbers), ignore_conflicts=True)
    products = Product.objects.in_bulk([product(number).sku for number in numbers], field_name="sku")
    around = circles(people)
    reviews, comments, likes = [], [], []
    for n in range((numbers[0] - 1) * REVIEWS_OF_A_PRODUCT + 1, numbers[-1] * REVIEWS_OF_A_PRODUCT + 1):
        of_product = (n - 1) // REVIEWS_OF_A_PRODUCT + 1
        author, others = around[(n + of_product) % len(around)]
        rating = (n * 7 + of_product) % 5 + 1
        review = Review(
            id=UUID(int=n),
            author_id=author,
            product=products[product(of_product).sku],
            rating=rating,
            body=OPINIONS[rating - 1],
            posted_at=START + timedelta(minutes=n),
        )
        reviews.append(review)
        likes += [Like(review=review, user_id=other) for other in others[: n % 5]]
        comments += [
            Comment(
                id=UUID(int=n * 10 + i),
                review=review,
                author_id=others[-1 - i],
                body=REPLIES[(n + i) % len(REPLIES)],
                posted_at=review.posted_at + timedelta(minutes=i + 1),
            )
            for i in range(n % 6)
        ]
    Review.objects.bulk_create(reviews, ignore_conflicts=True)
    Comment.objects.bulk_create(comments, ignore_conflicts=True)
    Like.objects.bulk_create(likes, ignore_conflicts=True)


def product(number: int) -> Product:
    """The product that has this number in every demo."""
    name = NAMES[(number - 1) % len(NAMES)]
    return Product(sku=f"SKU-{number:06d}", name=f"{name} {number}", price=f"{5 + number % 95}.90")
