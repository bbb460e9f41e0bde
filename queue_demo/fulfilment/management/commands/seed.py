"""Creates the same products each time. Running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fulfilment.models import Product

SIZES = {"small": 12, "large": 200_000}
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
BATCH = 5_000


class Command(BaseCommand):
    help = "Creates the products SKU-000001, SKU-000002 and so on. Existing products stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="12 products, or 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        for first in range(1, SIZES[size] + 1, BATCH):
            numbers = range(first, min(first + BATCH, SIZES[size] + 1))
            Product.objects.bulk_create(map(product, numbers), ignore_conflicts=True)
        self.stdout.write(f"seeded: {Product.objects.count()} products")


def product(number: int) -> Product:
    """The product that has this number in every demo."""
    name = NAMES[(number - 1) % len(NAMES)]
    return Product(sku=f"SKU-{number:06d}", name=f"{name} {number}", price=f"{5 + number % 95}.90")
