"""Errors that a user can fix are data, in a payload's userErrors.

`errors` is for invalid queries and for internal errors.
"""

from collections.abc import Iterator
from enum import Enum

import graphene
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError

from community.permissions import NotLoggedIn


class Code(Enum):
    UNAUTHENTICATED = "The request has no valid login."
    FORBIDDEN = "This member is not allowed to do this."
    NOT_FOUND = "It does not exist, or this member may not see it."
    TAKEN = "It exists already, and only one is allowed."
    CONFLICT = "Another request changed the data at the same time. Try again."
    INVALID = "The value is not valid."


class UserError(graphene.ObjectType):
    field = graphene.String(description="The field of the input; null if the error is not about one field.")
    code = graphene.Field(
        graphene.Enum.from_enum(Code, name="UserErrorCode", description=lambda code: code and code.value),
        required=True,
        description="For programs.",
    )
    message = graphene.String(required=True, description="For people.")


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
    else:  # a row that the service had read was deleted before the commit
        yield UserError(code=Code.CONFLICT, message=Code.CONFLICT.value)


def camel_case(field: str) -> str | None:
    if field == NON_FIELD_ERRORS:
        return None
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))
