"""Keyset pagination: the next page starts after the last row shown, however deep.

Problem
    OFFSET reads and discards all rows before the page, so page 5000 is slow. Inserts
    shift later pages: readers see rows twice.

Guarantee
    - The links show each row exactly once: in both directions, during inserts and
      deletes, with any number of ties.
    - With an index, a page of n rows reads n + 1, at any depth.
    - A malformed page size, ordering or cursor gets 400, before the query.

Not guaranteed
    Rows whose sort key changes. Totals. Null sort keys. Cursors are not secret.

Cost
    One query per page, one index per ordering.

Use instead
    DRF's CursorPagination, if the sort field is unique. PageNumberPagination, for short
    lists. (Checked 2026-11.)

Source: use-the-index-luke.com/no-offset.

Use
    # your code
    from django.contrib.auth.models import Group
    from rest_framework import generics

    from patterns.http.keyset import KeysetPagination


    class GroupList(generics.ListAPIView):
        queryset = Group.objects.all()
        pagination_class = KeysetPagination
        orderings = ("name", "-name")  # for ?ordering=; the first is the default
"""

from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from .ordering import SortOrder, sort_order

__all__ = ["KeysetPagination", "SortOrder", "sort_order"]


def refuse(parameter: str, text: str) -> ValidationError:
    return ValidationError({parameter: [ErrorDetail(text, "invalid")]})


class KeysetPagination(CursorPagination):
    """For a DRF list view with `orderings`. Page size, response and schema are the parent's."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering_query_param = "ordering"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.url = request.build_absolute_uri()
        name = request.query_params.get(self.ordering_query_param, view.orderings[0])
        if name not in view.orderings:
            choices = ", ".join(view.orderings)
            raise refuse(self.ordering_query_param, f"The ordering must be one of: {choices}.")
        self.order = sort_order(queryset.model, name)
        size, cursor = (
            self.get_page_size(request),
            request.query_params.get(self.cursor_query_param),
        )
        try:
            self.reverse, values = (False, None) if cursor is None else self.order.decode(cursor)
        except ValueError as error:
            text = "Invalid cursor for this list and ordering. Start from the first page."
            raise refuse(self.cursor_query_param, text) from error
        rows = list(self.order.after(queryset, values, reverse=self.reverse)[: size + 1])
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
            text = "The page size must be a whole number, at least 1."
            raise refuse(self.page_size_query_param, text)
        return min(int(asked[:9]), self.max_page_size)  # int() of a million digits is slow

    def get_next_link(self) -> str | None:
        if not self.has_next:
            return None
        if not self.page:  # all rows before the cursor are gone: the rest begins at the start
            return remove_query_param(self.url, self.cursor_query_param)
        return self.link(self.order.encode(self.page[-1]))

    def get_previous_link(self) -> str | None:
        if not self.has_previous:
            return None
        return self.link(self.order.encode(self.page[0] if self.page else None, reverse=True))

    def link(self, cursor: str) -> str:
        return replace_query_param(self.url, self.cursor_query_param, cursor)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        ordering = {"type": "string", "enum": list(view.orderings), "default": view.orderings[0]}
        page_size = {"type": "integer", "minimum": 1, "default": self.page_size}
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = page_size
                parameter["description"] = (
                    f"Rows per page; more than {self.max_page_size} is reduced to that"
                )
        return [
            *parameters,
            {
                "name": self.ordering_query_param,
                "required": False,
                "in": "query",
                "schema": ordering,
            },
        ]
