"""The ordering of a list, and cursors into it."""

from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import BooleanField, F, Field, Func, Model, QuerySet, Value


class SortOrder(NamedTuple):
    """A list's ordering. `name` is a field's, with a minus for descending."""

    model: type[Model]
    name: str
    fields: tuple["Field[Any, Any]", ...]

    @property
    def signer(self) -> Signer:
        """Its own per list and ordering, so the values in a cursor need no other check."""
        return Signer(salt=f"keyset:{self.model._meta.label}:{self.name}")

    def after(
        self, rows: QuerySet[Any], values: list[Any] | None, *, reverse: bool
    ) -> QuerySet[Any]:
        """The rows beyond these values, nearest first; all if None, from the end if `reverse`."""
        descending = self.name.startswith("-") != reverse
        if values is not None:
            # One row comparison: with (a > x OR (a = x AND id > y)) PostgreSQL starts at the
            # first row of the index.
            here = row_of(F(field.name) for field in self.fields)
            pairs = zip(self.fields, values, strict=True)
            there = row_of(Value(value, output_field=field) for field, value in pairs)
            sign = " < " if descending else " > "
            rows = rows.filter(
                Func(
                    here,
                    there,
                    template="%(expressions)s",
                    arg_joiner=sign,
                    output_field=BooleanField(),
                )
            )
        return rows.order_by(
            *(f"-{each.name}" if descending else each.name for each in self.fields)
        )

    def encode(self, row: Model | None, *, reverse: bool = False) -> str:
        """The cursor of the rows after this one (before it if `reverse`), or of all rows."""
        values = None if row is None else [field.value_to_string(row) for field in self.fields]
        return self.signer.sign_object([reverse, values])

    def decode(self, cursor: str) -> tuple[bool, list[Any] | None]:
        """`reverse` and the values. Raises ValueError for what `encode` has not made."""
        try:
            reverse, values = self.signer.unsign_object(cursor)
            if values is not None:
                pairs = zip(self.fields, values, strict=True)
                values = [field.to_python(value) for field, value in pairs]
        except (BadSignature, ValidationError) as error:  # the latter: the field's type has changed
            raise ValueError from error
        return reverse, values


def row_of(expressions: Any) -> Func:
    return Func(*expressions, template="(%(expressions)s)", output_field=BooleanField())


def sort_order(model: type[Model], name: str) -> SortOrder:
    field, key = model._meta.get_field(name.removeprefix("-")), model._meta.pk
    if not isinstance(field, Field) or field.null or key is None:
        raise ImproperlyConfigured(f"cannot sort by {name}: it may be null")
    return SortOrder(model, name, (field,) if field.unique else (field, key))  # unique: no ties
