"""Creates the same five carriers each time. Running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from quotes.models import Carrier

CARRIERS = {"brisk": "Brisk", "harbour": "Harbour Line", "northway": "Northway", "snail": "Snail & Sons", "swift": "Swift Post"}


class Command(BaseCommand):
    help = "Creates the five carriers that fake_carriers simulates. This demo has no users."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=["small", "large"], default="small", help="as in other demos: five carriers either way")

    def handle(self, *args: Any, **options: Any) -> None:
        seed_carriers()
        self.stdout.write(f"seeded: {Carrier.objects.count()} carriers")


def seed_carriers() -> None:
    for slug, name in CARRIERS.items():
        Carrier.objects.get_or_create(slug=slug, defaults={"name": name, "rate_path": f"/{slug}/rate"})
