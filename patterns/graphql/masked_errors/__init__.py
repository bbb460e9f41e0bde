"""Masked errors: clients get a code and an id, and the log gets the exception.

Problem
    graphene-django answers `str(error)`: any client that makes a query fail can read
    table names and passwords.

Guarantee
    - Only a GraphQLError with a `code` passes unchanged.
    - Any other becomes INTERNAL_SERVER_ERROR with an `id`. The log has it with the
      traceback.
    - Invalid documents, variables and arguments get a client's code, and are not
      logged.
    - Suggestions ("Did you mean …?") are removed, unless you ask for them.

Not guaranteed
    That a message with a code is harmless: never put `str(error)` into one.

Cost
    A UUID and a log record per internal error.

Use instead
    strawberry's MaskErrors extension, on strawberry. (Checked 2026-11.)

Source: GraphQL specification, section 7.1.2; OWASP, GraphQL Cheat Sheet

Use
    # your code
    from graphene_django.views import GraphQLView
    from graphql import GraphQLError
    from patterns.graphql.masked_errors import masked
    class View(GraphQLView):
        @staticmethod
        def format_error(error):
            known = isinstance(error, GraphQLError)  # the others are the view's own
            return masked(error) if known else GraphQLView.format_error(error)
"""

import logging
import re
import uuid
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError, ValueNode

logger = logging.getLogger(__name__)

MASK = "Internal error. Please report the id."
BAD_VALUE = "A value does not match its type."  # instead of what a scalar's parser raised
SUGGESTION = re.compile(r" Did you mean .*?\?", re.DOTALL)


def masked(error: GraphQLError, *, suggest: bool = False) -> GraphQLFormattedError:
    """For `format_error` of a view. `suggest` is for schemas that anyone may read."""
    if has_code(error):
        return error.formatted
    if code := client_code(error):
        message = error.message if suggest else SUGGESTION.sub("", error.message)
        message = message if is_from_graphql(error) else BAD_VALUE
        return {**error.formatted, "message": message, "extensions": {"code": code}}
    extensions = {"code": "INTERNAL_SERVER_ERROR", "id": logged(error)}
    return {**error.formatted, "message": MASK, "extensions": extensions}


def has_code(error: GraphQLError) -> bool:
    # other libraries' exceptions may have `extensions` that were not written for clients
    return is_from_graphql(error) and "code" in (error.extensions or {})


def is_from_graphql(error: GraphQLError) -> bool:
    return error.original_error is None or isinstance(error.original_error, GraphQLError)


def client_code(error: GraphQLError) -> str:
    """The code of an error in the request; empty for an error of a resolver."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    if is_from_graphql(error) and any(isinstance(node, ValueNode) for node in error.nodes or ()):
        return "BAD_USER_INPUT"  # an argument, as in `first: $n` with null: its field has a path
    if error.path is None and (error.nodes or is_from_graphql(error)):
        return "GRAPHQL_VALIDATION_FAILED"
    return ""


def logged(error: GraphQLError) -> str:
    error_id = str(uuid.uuid4())
    cause: Any = error.original_error or error
    path = ".".join(map(str, error.path or [])) or "-"
    logger.error("error %s at %s: %s", error_id, path, error.message, exc_info=cause)
    return error_id
