"""API errors show table names and passwords.

Resolvers raise common errors. One schema is served by graphene-django's view, which answers `str(error)`,
and by a view that masks errors. The experiment searches the responses for internal names.
"""

import json
import logging
from typing import Any

import graphene
from django.db import connection
from django.test import RequestFactory
from graphene_django.views import GraphQLView
from graphql import GraphQLError, GraphQLFormattedError

from labkit import Counts, Experiment
from patterns.graphql.graphql_over_http import GraphQLOverHTTPView
from patterns.graphql.masked_errors import masked

SECRETS = ("ledger", "amqp://", "s3cret", "/etc/", "KeyError", "secret_margin", "10.0.0.7", "NoneType", "Traceback")


class Failing(graphene.ObjectType):
    table = graphene.String()
    broker = graphene.String()
    file = graphene.String()
    key = graphene.String()
    nothing = graphene.String()
    host = graphene.String()
    foreseen = graphene.String()

    def resolve_table(root: Any, info: graphene.ResolveInfo) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret_margin FROM ledger")

    def resolve_broker(root: Any, info: graphene.ResolveInfo) -> None:
        raise ConnectionError("cannot reach amqp://shop:s3cret@broker:5672/")

    def resolve_file(root: Any, info: graphene.ResolveInfo) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/etc/shop/keys.pem")

    def resolve_key(root: Any, info: graphene.ResolveInfo) -> Any:
        margins: dict[str, int] = {}
        return margins["secret_margin"]

    def resolve_nothing(root: Any, info: graphene.ResolveInfo) -> Any:
        return None.price  # type: ignore[attr-defined]

    def resolve_host(root: Any, info: graphene.ResolveInfo) -> None:
        raise TimeoutError("10.0.0.7 did not answer")

    def resolve_foreseen(root: Any, info: graphene.ResolveInfo) -> None:
        raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED"})


FIELDS = [name for name in Failing._meta.fields if name != "foreseen"]


class MaskedView(GraphQLOverHTTPView):
    @staticmethod
    def format_error(error: Any) -> GraphQLFormattedError:
        return masked(error)


class Lines(logging.Handler):
    """The log, as a list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def ask(view: Any) -> Counts:
    logger, log = logging.getLogger("patterns.graphql.masked_errors"), Lines()
    logger.addHandler(log)
    logger.propagate = False
    answers, errors = [], []
    try:
        for field in [*FIELDS, "foreseen", "secretMargin"]:
            request = RequestFactory().post("/graphql/", {"query": f"{{ {field} }}"}, content_type="application/json")
            answers.append(view(request).content.decode())
            errors += json.loads(answers[-1])["errors"]
    finally:
        logger.removeHandler(log)
        logger.propagate = True
    ids = [error["extensions"]["id"] for error in errors if "id" in error.get("extensions", {})]
    return {
        "errors": len(errors),
        "internal_texts_leaked": sum(secret in answer for answer in answers for secret in SECRETS),
        "errors_with_a_code": sum("code" in error.get("extensions", {}) for error in errors),
        "ids_found_in_the_log": sum(any(each in line for line in log.lines) for each in ids),
        "expected_errors_shown": sum("Log in first." in answer for answer in answers),
    }


def naive() -> Counts:
    return ask(GraphQLView.as_view(schema=graphene.Schema(query=Failing)))


def solved() -> Counts:
    return ask(MaskedView.as_view(schema=graphene.Schema(query=Failing)))


experiment = Experiment(
    challenge="API errors show table names and passwords",
    solution="masked errors: the client gets a code and an id, the log gets the exception",
    load=f"{len(FIELDS)} resolvers that raise, one that refuses with a code, and one unknown field",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["internal_texts_leaked"] >= len(FIELDS),
    holds=lambda counts: (
        (counts["internal_texts_leaked"], counts["expected_errors_shown"]) == (0, 1)
        and counts["errors_with_a_code"] == counts["errors"]
        and counts["ids_found_in_the_log"] == len(FIELDS)
    ),
    proof=("internal_texts_leaked", "errors_with_a_code"),
    code="patterns/graphql/masked_errors",
)
