"""What the client can mend is data, in the payload's userErrors; `errors` is for broken queries and for our own faults."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import graphene
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import IntegrityError

from community.permissions import NotLoggedIn
from community.schema.queries import node_key
from patterns.loaders import query


class Code(Enum):
    UNAUTHENTICATED = "Nobody is logged in."
    FORBIDDEN = "Not for this member."
    NOT_FOUND = "There is none, or none for this member."
    TAKEN = "There is one already, and there may be one only."
    CONFLICT = "Another request was faster. Try again."
    INVALID = "Not a value that is served."


class UserError(graphene.ObjectType):
    field = graphene.String(description="The input's field; null when it is about the whole.")
    code = graphene.Field(
        graphene.Enum.from_enum(Code, name="UserErrorCode", description=lambda code: code and code.value),
        required=True,
        description="For programs.",
    )
    message = graphene.String(required=True, description="For people.")


class Action(graphene.Mutation):
    """A mutation that has one input, and answers with its result or with userErrors."""

    class Meta:
        abstract = True

    user_errors = graphene.List(graphene.NonNull(UserError), required=True, description="Empty when it was done.")

    @classmethod
    def answer(cls, result: str, service: Callable[..., Any], *, review_id: str | None = None, **arguments: Any) -> Any:
        """The payload whose field `result` is what the service returns. `review_id` is a global id."""
        if review_id is not None:
            kind, key = node_key(review_id)
            arguments["review_id"] = key if kind == "Review" else None
        try:
            return cls(**{result: query(service, **arguments)}, user_errors=[])
        except (PermissionDenied, ValidationError, IntegrityError) as error:
            return cls(user_errors=list(user_errors(error)))


def user_errors(error: Exception) -> Iterator[UserError]:
    if isinstance(error, NotLoggedIn):
        yield UserError(code=Code.UNAUTHENTICATED, message=str(error))
    elif isinstance(error, PermissionDenied):
        yield UserError(code=Code.FORBIDDEN, message=str(error))
    elif isinstance(error, ValidationError):
        fields = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
        for field, errors in fields.items():
            for each in errors:
                code = {"not_found": Code.NOT_FOUND, "taken": Code.TAKEN}.get(each.code or "", Code.INVALID)
                yield UserError(field=camel_case(field), code=code, message=" ".join(each.messages))
    else:  # a row that the service had seen has gone, at the commit
        yield UserError(code=Code.CONFLICT, message=Code.CONFLICT.value)


def camel_case(field: str) -> str | None:
    if field == NON_FIELD_ERRORS:
        return None
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))
