"""Lists what the current schema breaks for clients of an older one, and fails if it breaks any."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from community.schema.schema import schema
from patterns.graphql.schema_changes import breaking_changes, dangerous_changes


class Command(BaseCommand):
    help = (
        "Lists what the current schema breaks for clients of an older one, and fails if it breaks any. Example: "
        "git show main:graphql_demo/schema.graphql >old.graphql; manage.py check_schema old.graphql"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", type=Path, help="a file with the older schema, as SDL")

    def handle(self, *args: Any, old: Path, **options: Any) -> None:
        for change in dangerous_changes(old.read_text(), str(schema)):
            self.stdout.write(f"dangerous  {change}")
        breaking = breaking_changes(old.read_text(), str(schema))
        if breaking:
            raise CommandError("\n".join(f"breaking   {change}" for change in breaking))
        self.stdout.write("no breaking changes")
