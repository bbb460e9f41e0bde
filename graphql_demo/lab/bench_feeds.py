"""The other ways to the feed, each at a path of its own."""

from typing import Any, cast

import orjson
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from graphql import DocumentNode, ExecutionContext, GraphQLSchema, parse, specified_rules, validate

from community.schema.schema import schema
from community.tokens import bearer
from community.views import CommunityView, valid_document
from config import urls
from lab.bench_data import COMMENTS
from lab.bench_strawberry import BerryView, berry_schema
from lab.naive.feed import naive_schema
from patterns.graphql.document_cache import cached
from patterns.graphql.graphql_over_http import GraphQLOverHTTPView

SQL = """
SELECT r.rating, r.body, a.username, p.sku, p.name,
       (SELECT count(*) FROM community_like l WHERE l.review_id = r.id),
       (SELECT count(*) FROM community_comment c WHERE c.review_id = r.id),
       (SELECT json_agg(json_build_object('node', json_build_object('body', c.body, 'author', json_build_object('username', c.username))))
        FROM (SELECT c.body, u.username FROM community_comment c JOIN auth_user u ON u.id = c.author_id
              WHERE c.review_id = r.id ORDER BY c.posted_at, c.id LIMIT %s) c)
FROM community_review r JOIN auth_user a ON a.id = r.author_id JOIN community_product p ON p.id = r.product_id
JOIN community_follow f ON f.followed_id = r.author_id AND f.follower_id = %s
WHERE r.hidden_at IS NULL OR r.author_id = %s ORDER BY r.posted_at DESC, r.id DESC LIMIT %s
"""


def unlimited(graphql_schema: GraphQLSchema, source: str) -> DocumentNode:
    document = parse(source)
    if errors := validate(graphql_schema, document, specified_rules):
        raise ExceptionGroup("the document is invalid", errors)
    return document


class UncachedView(CommunityView):
    valid_document = staticmethod(valid_document)


class UnlimitedView(CommunityView):
    execution_context_class = ExecutionContext
    valid_document = staticmethod(cached(unlimited))


class NaiveView(CommunityView):
    execution_context_class = ExecutionContext
    valid_document = staticmethod(unlimited)
    execute = GraphQLOverHTTPView.execute  # without loaders: its resolvers query


def plain(request: HttpRequest) -> HttpResponse:
    viewer = cast(User, bearer(request.headers["Authorization"]))
    with connection.cursor() as cursor:
        cursor.execute(SQL, [COMMENTS, viewer.pk, viewer.pk, orjson.loads(request.body)["variables"]["first"]])
        nodes = [
            {
                "rating": stars, "body": body, "author": {"username": author}, "product": {"sku": sku, "name": name},
                "likeCount": likes, "commentCount": many, "comments": {"edges": said},
            }
            for stars, body, author, sku, name, likes, many, said in cursor.fetchall()
        ]  # fmt: skip
    edges = [{"node": node} for node in nodes]
    return HttpResponse(orjson.dumps({"data": {"feed": {"edges": edges}}}), content_type="application/json")


def served(view: type[CommunityView], of: Any = schema) -> Any:
    return csrf_exempt(view.as_view(schema=of))


urlpatterns = [
    path("strawberry/", csrf_exempt(BerryView.as_view(schema=berry_schema))),
    path("uncached/", served(UncachedView)),
    path("unlimited/", served(UnlimitedView)),
    path("naive/", served(NaiveView, naive_schema)),
    path("plain/", csrf_exempt(plain)),
    *urls.urlpatterns,
]
