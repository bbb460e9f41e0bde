"""Creates the demo products and users. Running it again changes nothing."""

import os
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shop.models import Category, Product, Rating

SIZES = {"small": 12, "large": 200_000}
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
CATEGORIES = {"kitchen": ("Mug", "Teapot"), "study": ("Lamp", "Notebook", "Pencil"), "travel": ("Backpack", "Umbrella", "Scarf")}
THE_REST = "home"
BATCH = 5_000


class Command(BaseCommand):
    help = "Creates the products SKU-000001 … and the users customer, staff and admin (password: DEMO_PASSWORD)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="12 products, or 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD", "")
        if not password:
            raise CommandError("DEMO_PASSWORD is not set: the demo users need a password")
        for name, is_staff, is_admin in (("customer", False, False), ("staff", True, False), ("admin", True, True)):
            user, _ = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": is_staff, "is_superuser": is_admin})
            if not user.check_password(password):
                user.set_password(password)
                user.save(update_fields=["password"])
        categories = {
            slug: Category.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0] for slug in (*CATEGORIES, THE_REST)
        }
        raters = list(get_user_model().objects.filter(username__in=("customer", "staff")).values_list("pk", flat=True))
        for first in range(1, SIZES[size] + 1, BATCH):
            numbers = range(first, min(first + BATCH, SIZES[size] + 1))
            Product.objects.bulk_create([product(number, categories) for number in numbers], ignore_conflicts=True)
            rated = Product.objects.filter(sku__in=[f"SKU-{number:06d}" for number in numbers]).values_list("pk", "sku")
            Rating.objects.bulk_create(
                [Rating(product_id=pk, customer_id=rater, stars=1 + (int(sku[-6:]) + rater) % 5) for pk, sku in rated for rater in raters],
                ignore_conflicts=True,
            )
        self.stdout.write(f"seeded: {Product.objects.count()} products, 3 users")


def product(number: int, categories: Mapping[str, Category]) -> Product:
    """The product with this number, the same in every demo. Every seventh is sold out."""
    name = NAMES[(number - 1) % len(NAMES)]
    category = next((slug for slug, names in CATEGORIES.items() if name in names), THE_REST)
    return Product(
        sku=f"SKU-{number:06d}",
        name=f"{name} {number}",
        category=categories[category],
        price=f"{5 + number % 95}.90",
        stock=0 if number % 7 == 0 else 1000,
    )
