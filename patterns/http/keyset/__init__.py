"""Keyset pagination: the next page begins after the last row shown, wherever that row stands by now.

Problem         OFFSET reads all rows before the page to throw them away, so page 5000 is slow; and rows that come or go
                in front shift every later page, so the reader sees items twice and never sees others.
Guarantee       Who follows the links sees each row that stays, and keeps its sort key, exactly once, in both directions,
                while others come and go, however many share a sort key. With an index over the sort fields a page of n
                reads n + 1 rows, however deep. A page holds at most `max_page_size` rows. A page size that is no number from
                1, and a cursor that is rubbish, altered, or of another sort order, is refused (400) before it reaches the
                database.
Not guaranteed  A row whose sort key changes during the walk may be seen twice or not at all; a new row in front of the
                reader is not seen. There is no page number, no total and no jump. Sort keys are never null, and the
                tie-break goes the way of the sort. The cursor is signed, not secret: it shows the last row's sort key.
Cost            One query a page, none for a total; an index over (sort field, primary key) for each sort field, unless
                the field is unique; an HMAC for each link.
Use instead     DRF's CursorPagination, when the sort field is unique or nearly so. It compares this field alone and
                counts through ties by OFFSET: a deletion among them skips a row, beyond 1000 of them it goes in circles,
                and a position that the field cannot parse is a 500. PageNumberPagination for short lists with totals.

Source: Markus Winand, use-the-index-luke.com/no-offset; PostgreSQL documentation, 9.24.5 "Row Constructor Comparison".
"""

from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import BooleanField, F, Field, Func, Model, QuerySet, Value
from rest_framework.exceptions import ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param


class SortOrder(NamedTuple):
    """What a list is sorted by. `name` is a field's, with a minus for descending; made by `sort_order`."""

    model: type[Model]
    name: str
    fields: tuple["Field[Any, Any]", ...]

    @property
    def signer(self) -> Signer:
        """A cursor of another list or another order does not pass, so its values need no second look."""
        return Signer(salt=f"keyset:{self.model._meta.label}:{self.name}")

    def after(self, rows: QuerySet[Any], values: list[Any] | None, *, reverse: bool) -> QuerySet[Any]:
        """The rows beyond these values, nearest first. None: from the start, or from the end when `reverse`."""
        downwards = self.name.startswith("-") != reverse
        if values is not None:
            # One comparison of the whole key: for (a > x OR (a = x AND id > y)) PostgreSQL begins at the index's first row again.
            here = Func(*(F(field.name) for field in self.fields), template="(%(expressions)s)", output_field=BooleanField())
            there = Func(
                *(Value(value, output_field=field) for field, value in zip(self.fields, values, strict=True)),
                template="(%(expressions)s)",
                output_field=BooleanField(),
            )
            sign = " < " if downwards else " > "
            rows = rows.filter(Func(here, there, template="%(expressions)s", arg_joiner=sign, output_field=BooleanField()))
        return rows.order_by(*(f"-{field.name}" if downwards else field.name for field in self.fields))

    def encode(self, row: Model | None, *, reverse: bool = False) -> str:
        """The cursor of the rows after this one (before it when `reverse`); with no row, from the start or the end."""
        values = None if row is None else [field.value_to_string(row) for field in self.fields]
        return self.signer.sign_object([reverse, values])

    def decode(self, cursor: str) -> tuple[bool, list[Any] | None]:
        """`reverse` and the values. Raises ParseError for what `encode` has not made."""
        try:
            reverse, values = self.signer.unsign_object(cursor)
            if values is not None:
                values = [field.to_python(value) for field, value in zip(self.fields, values, strict=True)]
        except (BadSignature, ValidationError, ValueError) as error:  # the latter two: a field's type changed since
            raise ParseError("The cursor is not one of this list in this order. Start again without it.") from error
        return reverse, values


def sort_order(model: type[Model], name: str) -> SortOrder:
    field, key = model._meta.get_field(name.removeprefix("-")), model._meta.pk
    if not isinstance(field, Field) or field.null or key is None:
        raise ImproperlyConfigured(f"{name} cannot be sorted by: null is neither before nor after anything")
    return SortOrder(model, name, (field,) if field.unique else (field, key))  # a unique field has no ties to break


class KeysetPagination(CursorPagination):
    """For a DRF list view with `orderings = ("sku", "price", "-price")`: what `?ordering=` may be; the first is the default.

    Page size, response and schema are the parent's.
    """

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering_query_param = "ordering"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.url = request.build_absolute_uri()
        name = request.query_params.get(self.ordering_query_param, view.orderings[0])
        if name not in view.orderings:
            raise ParseError(f"{self.ordering_query_param} is one of: {', '.join(view.orderings)}.")
        self.order = sort_order(queryset.model, name)
        cursor = request.query_params.get(self.cursor_query_param)
        self.reverse, values = (False, None) if cursor is None else self.order.decode(cursor)
        size = self.get_page_size(request)
        rows = list(self.order.after(queryset, values, reverse=self.reverse)[: size + 1])  # one more tells whether there are more
        self.page = rows[:size][::-1] if self.reverse else rows[:size]
        more, came_from = len(rows) > size, cursor is not None
        self.has_next, self.has_previous = (came_from, more) if self.reverse else (more, came_from)
        self.display_page_controls = self.has_next or self.has_previous
        return self.page

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not (asked.isascii() and asked.isdigit() and asked.strip("0")):
            raise ParseError(f"{self.page_size_query_param} is a whole number, 1 or more.")
        return min(int(asked[:9]), self.max_page_size)  # of a longer one the first digits are too many already

    def get_next_link(self) -> str | None:
        if not self.has_next:
            return None
        if not self.page:  # all before our cursor has gone: what is left begins at the start
            return remove_query_param(self.url, self.cursor_query_param)
        return self.link(self.order.encode(self.page[-1]))

    def get_previous_link(self) -> str | None:
        if not self.has_previous:
            return None
        return self.link(self.order.encode(self.page[0] if self.page else None, reverse=True))

    def link(self, cursor: str) -> str:
        return replace_query_param(self.url, self.cursor_query_param, cursor)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        choices = {"type": "string", "enum": list(view.orderings), "default": view.orderings[0]}
        ordering = {"name": self.ordering_query_param, "required": False, "in": "query", "schema": choices}
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = {"type": "integer", "minimum": 1, "default": self.page_size}
                parameter["description"] = f"Rows of a page, at most {self.max_page_size}: a larger number is taken for that."
        return [*parameters, ordering]
