"""Relay connections: keyset pagination with a maximum page size, for every list.

Problem
    Without a maximum, clients ask for every row. graphene-django's cursors are offsets:
    after an insert the next page repeats a row.

Guarantee
    - A page has 1 to `maximum` rows. The pages of many parents cost one query.
    - A walk shows each row exactly once, during inserts and deletes, with any number of
      ties.
    - Another size, and a malformed, altered or foreign cursor, are refused before a
      query.

Not guaranteed
    Backward pages. Rows whose sort key changes. Null sort keys, mixed directions.

Cost
    A query per page, an index on parent and sort key.

Use instead
    strawberry-django's connections. DjangoConnectionField with
    RELAY_CONNECTION_MAX_LIMIT, if a repeated row does no harm. (Checked 2026-11.)

Source: GraphQL Cursor Connections Specification

Use
    # your code
    from django.contrib.auth.models import Group, Permission
    from patterns.graphql.connections import Keyset, Page
    page = Page.parse(Keyset(Group, ("-name", "-id")), first=20, after=None)
    connection = page.connect(page.of(Group.objects.all()))  # for a ConnectionField
    inner = Page.parse(Keyset(Permission, ("name", "id")), first=3, after=None)
    pages = inner.of_each(Permission.objects.filter(content_type__in=[1, 2]), "content_type")
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import BooleanField, F, Field, Func, Model, QuerySet, Value, Window
from django.db.models.functions import RowNumber

from graphql import GraphQLError

Row = TypeVar("Row", bound=Model)


class BadPage(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


@dataclass(frozen=True)
class Keyset:
    """A list's order: `("-posted_at", "-id")`. All fields go one way; the last one is unique."""

    model: type[Model]
    order: tuple[str, ...]

    @property
    def fields(self) -> "list[Field[Any, Any]]":
        names = [name.removeprefix("-") for name in self.order]
        return [self.model._meta.get_field(name) for name in names]  # type: ignore[misc]

    @property
    def signer(self) -> Signer:  # the salt: a cursor of another list or order is refused
        return Signer(salt=f"connection:{self.model._meta.label}:{','.join(self.order)}")

    def cursor(self, row: Model) -> str:
        return self.signer.sign_object([field.value_to_string(row) for field in self.fields])

    def values(self, cursor: str) -> tuple[Any, ...]:
        """Raises BadPage."""
        try:
            values = zip(self.fields, self.signer.unsign_object(cursor), strict=True)
            return tuple(field.to_python(value) for field, value in values)
        except (BadSignature, ValidationError, ValueError):  # the last two: a field changed type
            message = "Invalid cursor for this list and order. Start again without after."
            raise BadPage(message) from None


@dataclass(frozen=True)
class Page:
    """The rows that a client asks for. Hashable, so a loader can batch equal pages."""

    keyset: Keyset
    first: int
    after: tuple[Any, ...] | None

    @classmethod
    def parse(
        cls, keyset: Keyset, first: int | None, after: str | None, *, maximum: int = 100
    ) -> Self:
        """Raises BadPage."""
        if first is None or not 1 <= first <= maximum:
            raise BadPage(f"first must be from 1 to {maximum}.")
        return cls(keyset, first, None if after is None else keyset.values(after))

    def of(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The page's rows, and one more if there is a next page."""
        return self._after_cursor(rows).order_by(*self.keyset.order)[: self.first + 1]

    def of_each(self, rows: QuerySet[Row], parent: str) -> Mapping[Any, list[Row]]:
        """The same per parent, {key: rows}, by one query. `parent` is a foreign key's name."""
        # a slice would count over all parents together
        number = Window(RowNumber(), partition_by=F(parent), order_by=list(self.keyset.order))
        found = self._after_cursor(rows).annotate(row_number=number)
        found = found.filter(row_number__lte=self.first + 1).order_by()
        key = attrgetter(self.keyset.model._meta.get_field(parent).attname)  # type: ignore[union-attr]
        pages: dict[Any, list[Row]] = {}
        for row in sorted(found, key=attrgetter("row_number")):  # faster than Django's ORDER BY
            pages.setdefault(key(row), []).append(row)
        return pages

    def _after_cursor(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        if self.after is None:
            return rows
        # one row comparison: for (a < x OR (a = x AND id < y)) PostgreSQL reads the whole index
        fields = self.keyset.fields
        columns = _tuple(F(field.name) for field in fields)
        values = _tuple(
            Value(value, field) for value, field in zip(self.after, fields, strict=True)
        )
        sign = " < " if self.keyset.order[0].startswith("-") else " > "
        options = {"template": "%(expressions)s", "arg_joiner": sign}
        return rows.filter(Func(columns, values, output_field=BooleanField(), **options))

    def connect(self, rows: Iterable[Row]) -> "Connection[Row]":
        rows = list(rows)
        edges = [Edge(row, self.keyset) for row in rows[: self.first]]
        return Connection(edges, has_next_page=len(rows) > self.first)


def _tuple(expressions: Iterable[Any]) -> Func:
    return Func(*expressions, template="(%(expressions)s)", output_field=BooleanField())


@dataclass(frozen=True, slots=True)
class Edge(Generic[Row]):
    node: Row
    keyset: Keyset

    @property
    def cursor(self) -> str:  # only if selected: it costs more than the rest of the edge
        return self.keyset.cursor(self.node)


@dataclass(frozen=True)
class Connection(Generic[Row]):
    """What the default resolvers of a `graphene.relay.Connection` read, pageInfo included."""

    edges: list[Edge[Row]]
    has_next_page: bool
    has_previous_page: bool = False  # the specification allows false for forward-only pages

    @property
    def page_info(self) -> Self:
        return self

    @property
    def start_cursor(self) -> str | None:
        return self.edges[0].cursor if self.edges else None

    @property
    def end_cursor(self) -> str | None:
        return self.edges[-1].cursor if self.edges else None
