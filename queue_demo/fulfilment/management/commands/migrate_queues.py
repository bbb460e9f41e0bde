"""Replaces queues that were declared with different arguments."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fulfilment.messaging import topology
from patterns.messaging.topology.migration import StillConsumed


class Command(BaseCommand):
    help = "Replaces queues that were declared with different arguments, and keeps their messages. Stop the consumers and workers first."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(f"events moved: {topology.migrate_events()}")
            self.stdout.write(f"tasks moved: {topology.migrate_tasks()}")
        except StillConsumed as error:
            raise CommandError(str(error)) from error
