"""Fills the warehouse with the same stock each time. Running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from warehouse.models import StockItem

SIZES = {"small": 12, "large": 200_000}
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
PIECES = 100  # of each
BATCH = 5_000


class Command(BaseCommand):
    help = "Creates stock items, from SKU-000001."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="small: 12 SKUs; large: 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        for first in range(1, SIZES[size] + 1, BATCH):
            numbers = range(first, min(first + BATCH, SIZES[size] + 1))
            StockItem.objects.bulk_create(map(stock_item, numbers), ignore_conflicts=True)
        self.stdout.write(f"seeded: {StockItem.objects.count()} SKUs")


def stock_item(number: int) -> StockItem:
    """The item that has this number, SKU and name in every demo."""
    name = NAMES[(number - 1) % len(NAMES)]
    return StockItem(sku=f"SKU-{number:06d}", name=f"{name} {number}", available=PIECES)
