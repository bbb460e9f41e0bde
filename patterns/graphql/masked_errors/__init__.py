"""Masked errors: the client gets a code and an id, the log gets the rest.

Problem         What a resolver raises is answered word by word: graphene-django sends `str(error)`. Tables, columns, file
                names, and the password in a broker's URL reach whoever sends the query that fails.
Guarantee       Of an error in a resolver only what carries a `code` passes, for it was written for the client. All others become
                one sentence, the code INTERNAL_SERVER_ERROR and an `id`, with the path of the field. That `id` stands in the log
                with the exception and its traceback, each time another. A query that cannot be executed gets a code too: what
                the specification's rules say of it passes, and their suggestions ("Did you mean …?") only when asked for.
Not guaranteed  That a message with a code is harmless: do not write `GraphQLError(str(error), extensions={"code": …})`. What
                a service puts into its payload's userErrors is not seen here.
Cost            A UUID and a log line for an error; nothing otherwise.
Use instead     strawberry's MaskErrors extension, on strawberry. An error tracker's event id as the `id`, where there is one.

Source: GraphQL specification, 7.1.2 "Errors"; OWASP, "GraphQL Cheat Sheet", on excessive errors.
"""

import logging
import re
import uuid
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError

logger = logging.getLogger(__name__)

MASK = "Something went wrong on our side. The id finds it in our log."
BAD_VALUE = "A value is not one of its type."  # a scalar's own parser failed, and its words are of Python
SUGGESTION = re.compile(r" Did you mean .*?\?", re.DOTALL)


def masked(error: GraphQLError, *, suggest: bool = False) -> GraphQLFormattedError:
    """For `format_error` of a view. `suggest` is for schemas that anyone may read."""
    if has_code(error):
        return error.formatted
    ours = error.original_error is not None and not isinstance(error.original_error, GraphQLError)
    if error.path is None and (error.nodes or not ours):  # about the document or its variables
        code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "GRAPHQL_VALIDATION_FAILED"
        message = BAD_VALUE if ours else error.message if suggest else SUGGESTION.sub("", error.message)
        return {**error.formatted, "message": message, "extensions": {"code": code}}
    return {**error.formatted, "message": MASK, "extensions": {"code": "INTERNAL_SERVER_ERROR", "id": logged(error)}}


def has_code(error: GraphQLError) -> bool:
    # what another library puts into its exceptions' `extensions` was not written for our clients
    written_for_clients = error.original_error is None or isinstance(error.original_error, GraphQLError)
    return written_for_clients and "code" in (error.extensions or {})


def logged(error: GraphQLError) -> str:
    error_id = str(uuid.uuid4())
    cause: Any = error.original_error or error
    logger.error("error %s at %s: %s", error_id, ".".join(map(str, error.path or [])) or "-", error.message, exc_info=cause)
    return error_id
