"""What the client can mend is data, in the payload's userErrors; `errors` is for broken queries and for our own faults."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, ClassVar

import graphene
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import IntegrityError
from graphene import ResolveInfo

from community.permissions import NotLoggedIn
from community.schema.queries import node_key
from patterns.graphql.loaders import query


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

    service: ClassVar[Callable[..., Any]]  # who decides and does; it is given the actor, the input, and what `given` says
    result: ClassVar[str]  # the payload's field that has what it returns

    user_errors = graphene.List(graphene.NonNull(UserError), required=True, description="Empty when it was done.")

    @classmethod
    def given(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def mutate(cls, root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        if "review_id" in input:
            kind, key = node_key(input["review_id"])
            input = {**input, "review_id": key if kind == "Review" else None}
        try:
            done = query(cls.service, actor=info.context.user, **cls.given(), **input)
        except (PermissionDenied, ValidationError, IntegrityError) as error:
            return cls(user_errors=list(user_errors(error)))
        return cls(**{cls.result: cls.shown(done)}, user_errors=[])

    @staticmethod
    def shown(done: Any) -> Any:
        return done


def one_input(name: str, **fields: Any) -> Any:
    """The mutation's only argument. Each has an input type of its own, so that each may grow."""
    return type(name, (graphene.InputObjectType,), fields)(required=True)


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
