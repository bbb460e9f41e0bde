"""Relay connections with a hard maximum: no list is ever returned whole, and no row twice.

Problem         `allReviews` returns everything there is, today 60 rows and next year a million. Relay's `first` does not help
                while it is the client's to choose. graphene-django's own connections have a maximum, but their cursors are
                OFFSETs: rows that come or go in front make the next page repeat or hide others.
Guarantee       A page has 1 to `maximum` rows; another size is refused with the code BAD_USER_INPUT, before a query. Who
                follows `endCursor` sees each row that stays exactly once, however many come and go, and however many share
                a sort key. A cursor that is rubbish, altered, or of another order is refused, and never reaches the
                database. The pages of many parents cost one query together.
Not guaranteed  Pages go forward only. A row whose sort key changes during the walk may be seen twice, or not at all. There is no
                total. Sort keys are never null and all go one way. A cursor is signed, not secret: it shows its row's sort key.
Cost            One query a page, or a page of each of many parents, with a row more than asked for, that tells whether there is
                a next one. An index that begins with the parent and ends with the sort key. An HMAC for each cursor that is
                asked for.
Use instead     strawberry-django's connections in a new project; DjangoConnectionField, whose maximum is the setting
                RELAY_CONNECTION_MAX_LIMIT, where an item that repeats does no harm.

Sources: GraphQL Cursor Connections Specification (relay.dev); Markus Winand, use-the-index-luke.com/no-offset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value, Window
from django.db.models.functions import RowNumber
from graphql import GraphQLError

Row = TypeVar("Row", bound=Model)


class BadPage(GraphQLError):
    """`first` or `after` is not one that we serve."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


@dataclass(frozen=True)
class Keyset:
    """What a list is sorted by: `("-posted_at", "-id")`. All fields go one way, and the last one is unique."""

    model: type[Model]
    fields: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [field.removeprefix("-") for field in self.fields]

    @property
    def signer(self) -> Signer:
        """A cursor of another list or order does not pass, so its values need no second look."""
        return Signer(salt=f"connection:{self.model._meta.label}:{','.join(self.fields)}")

    def cursor(self, row: Model) -> str:
        return self.signer.sign_object([self.model._meta.get_field(name).value_to_string(row) for name in self.names])  # type: ignore[union-attr]

    def values(self, cursor: str) -> tuple[Any, ...]:
        """Raises BadPage for what `cursor` has not made."""
        try:
            values = self.signer.unsign_object(cursor)
            return tuple(self.model._meta.get_field(name).to_python(value) for name, value in zip(self.names, values, strict=True))  # type: ignore[union-attr]
        except (BadSignature, ValidationError, ValueError):  # ValueError: of a lone surrogate; both: a field's type changed since
            raise BadPage("after is not a cursor of this list in this order; start again without it") from None


@dataclass(frozen=True)
class Page:
    """Which rows of a list are wanted. It is hashable: what is loaded for one page is loaded once."""

    keyset: Keyset
    first: int
    after: tuple[Any, ...] | None

    @classmethod
    def asked(cls, keyset: Keyset, first: int, after: str | None, *, maximum: int = 100) -> Self:
        """Raises BadPage."""
        if not 1 <= first <= maximum:
            raise BadPage(f"first must be 1 to {maximum}")
        return cls(keyset, first, None if after is None else keyset.values(after))

    def of(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The page's rows, and one more when there is a next page."""
        return self._behind(rows).order_by(*self.keyset.fields)[: self.first + 1]

    def of_each(self, rows: QuerySet[Row], parent: str) -> Mapping[Any, list[Row]]:
        """The same for each parent: {parent's key: rows}, by one query. `parent` is the foreign key's name."""
        # a slice would count over all parents together
        place = Window(RowNumber(), partition_by=F(parent), order_by=list(self.keyset.fields))
        found = self._behind(rows).annotate(place=place).filter(place__lte=self.first + 1).order_by()
        key = attrgetter(self.keyset.model._meta.get_field(parent).attname)  # type: ignore[union-attr]
        pages: dict[Any, list[Row]] = {}
        for row in sorted(found, key=attrgetter("place")):  # here: Django takes longer to write the ORDER BY
            pages.setdefault(key(row), []).append(row)
        return pages

    def _behind(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        if self.after is None:
            return rows
        # One comparison of the whole key: for (a < x OR (a = x AND id < y)) PostgreSQL begins at the index's first row again.
        fields = [self.keyset.model._meta.get_field(name) for name in self.keyset.names]
        here = Func(*map(F, self.keyset.names), template="(%(expressions)s)", output_field=BooleanField())
        values = [Value(value, output_field=field) for value, field in zip(self.after, fields, strict=True)]  # type: ignore[arg-type]
        there = Func(*values, template="(%(expressions)s)", output_field=BooleanField())
        sign = " < " if self.keyset.fields[0].startswith("-") else " > "
        return rows.filter(Func(here, there, template="%(expressions)s", arg_joiner=sign, output_field=BooleanField()))

    def connect(self, rows: Sequence[Row]) -> "Connection[Row]":
        return Connection([Edge(row, self.keyset) for row in rows[: self.first]], has_next_page=len(rows) > self.first)


@dataclass(frozen=True, slots=True)
class Edge(Generic[Row]):
    node: Row
    keyset: Keyset

    @property
    def cursor(self) -> str:  # made when asked for: it costs more than the rest of the edge
        return self.keyset.cursor(self.node)


@dataclass(frozen=True)
class Connection(Generic[Row]):
    """For a field of a `graphene.relay.Connection` type: what its default resolvers look for. It is its own page_info."""

    edges: list[Edge[Row]]
    has_next_page: bool
    has_previous_page: bool = False  # pages go forward only; the specification then allows false

    @property
    def page_info(self) -> Self:
        return self

    @property
    def start_cursor(self) -> str | None:
        return self.edges[0].cursor if self.edges else None

    @property
    def end_cursor(self) -> str | None:
        return self.edges[-1].cursor if self.edges else None
