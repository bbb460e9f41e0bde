"""Fills the warehouse with the same stock and users each time. Running it again changes nothing."""

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from warehouse.models import StockItem

SIZES = {"small": 12, "large": 200_000}
NAMES = ("Mug", "Teapot", "Lamp", "Notebook", "Pencil", "Backpack", "Umbrella", "Scarf", "Blanket", "Clock", "Vase", "Chair")
PIECES = 100  # of each
BATCH = 5_000


class Command(BaseCommand):
    help = "Stock of SKU-000001 … and the users customer, staff and admin (password: DEMO_PASSWORD)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="small", help="12 SKUs, or 200,000 (default: small)")

    def handle(self, *args: Any, size: str, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD", "")
        if not password:
            raise CommandError("set DEMO_PASSWORD: the seed's users need one, and there is no default")
        for name, is_staff, is_admin in (("customer", False, False), ("staff", True, False), ("admin", True, True)):
            user, _ = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": is_staff, "is_superuser": is_admin})
            if not user.check_password(password):
                user.set_password(password)
                user.save(update_fields=["password"])
        for first in range(1, SIZES[size] + 1, BATCH):
            numbers = range(first, min(first + BATCH, SIZES[size] + 1))
            StockItem.objects.bulk_create(map(stock_item, numbers), ignore_conflicts=True)
        self.stdout.write(f"seeded: {StockItem.objects.count()} SKUs, 3 users")


def stock_item(number: int) -> StockItem:
    """The item that has this number, SKU and name in every demo."""
    name = NAMES[(number - 1) % len(NAMES)]
    return StockItem(sku=f"SKU-{number:06d}", name=f"{name} {number}", available=PIECES)
