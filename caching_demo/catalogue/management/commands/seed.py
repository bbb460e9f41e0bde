"""Fills the catalogue with the same categories and products each time. Running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalogue.models import Category, Product

SIZES = {"small": 12, "large": 200_000}
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
CATEGORIES = {
    "home": ("Home", ("Lamp", "Blanket", "Clock", "Vase", "Chair")),
    "kitchen": ("Kitchen", ("Mug", "Teapot")),
    "office": ("Office", ("Notebook", "Pencil")),
    "outdoors": ("Outdoors", ("Backpack", "Umbrella", "Scarf")),
}
SLUGS = {name: slug for slug, (_, names) in CATEGORIES.items() for name in names}
BATCH = 5_000


class Command(BaseCommand):
    help = "Create four categories and the products from SKU-000001 on. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="12 products, or 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        categories = {slug: Category.objects.get_or_create(slug=slug, defaults={"name": name})[0] for slug, (name, _) in CATEGORIES.items()}
        for first in range(1, SIZES[size] + 1, BATCH):
            numbers = range(first, min(first + BATCH, SIZES[size] + 1))
            Product.objects.bulk_create((product(number, categories) for number in numbers), ignore_conflicts=True)
        self.stdout.write(f"seeded: {Product.objects.count()} products in {len(categories)} categories")


def product(number: int, categories: dict[str, Category]) -> Product:
    """The product that has this number in every demo, and what only the catalogue knows of it."""
    name = NAMES[(number - 1) % len(NAMES)]
    return Product(
        sku=f"SKU-{number:06d}",
        name=f"{name} {number}",
        description=f"{name} number {number}, in its own box.",
        category=categories[SLUGS[name]],
        price=f"{5 + number % 95}.90",
    )
