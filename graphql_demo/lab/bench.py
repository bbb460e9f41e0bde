"""How fast the feed is beside the alternatives. Everything is asked through the whole service: middleware, URLs, view, database."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
import strawberry
import strawberry_django
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from graphql import DocumentNode, GraphQLSchema, parse, specified_rules, validate
from strawberry.django.views import GraphQLView as StrawberryView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry_django.optimizer import DjangoOptimizerExtension

from community.models import Comment, Follow, Like, Product, Review
from community.schema.schema import schema
from community.tokens import bearer, issue
from community.views import CommunityView, understood
from config import urls
from lab import feed_queries
from labkit.bench import Benchmark, Work
from patterns.document_cache import cached
from patterns.loaders import LoadingExecution

STORED, POSTS, COMMENTS, AUTHORS = 2_000, 20, 3, 50
STRAWBERRY = "strawberry-django, optimizer, parsing and validation cached"
handler = WSGIHandler()
QUERY = """query ($first: Int!) { feed(first: $first) { edges { node {
    rating body author { username } product { sku name } likeCount commentCount
    comments(first: 3) { edges { node { body author { username } } } }
} } } }"""
NAIVE_QUERY = QUERY.replace("commentCount", "")
BERRY_QUERY = """query ($first: Int!) { feed(pagination: {limit: $first}) {
    rating body author { username } product { sku name } likeCount commentCount
    comments(pagination: {limit: 3}) { body author { username } }
} }"""
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


# --- the other ways to the feed -----------------------------------------------------------------------


@strawberry_django.type(get_user_model())
class BerryUser:
    username: strawberry.auto


@strawberry_django.type(Product)
class BerryProduct:
    sku: strawberry.auto
    name: strawberry.auto


@strawberry_django.type(Comment, pagination=True)
class BerryComment:
    body: strawberry.auto
    author: BerryUser


def number(model: Any) -> Any:
    return Coalesce(Subquery(model.objects.filter(review=OuterRef("pk")).order_by().values("review").values_list(Count("pk"))), 0)


@strawberry_django.type(Review, pagination=True)
class BerryReview:
    rating: strawberry.auto
    body: strawberry.auto
    author: BerryUser
    product: BerryProduct
    like_count: int = strawberry_django.field(annotate=number(Like))
    comment_count: int = strawberry_django.field(annotate=number(Comment))
    comments: list[BerryComment]

    @classmethod
    def get_queryset(cls, queryset: Any, info: strawberry.Info) -> Any:
        viewer = info.context.request.user
        return queryset.visible_to(viewer).of_those_followed_by(viewer)


@strawberry.type
class BerryQuery:
    feed: list[BerryReview] = strawberry_django.field()


berry_schema = strawberry.Schema(query=BerryQuery, extensions=[DjangoOptimizerExtension, ParserCache(), ValidationCache()])  # type: ignore[list-item]


class BerryView(StrawberryView):
    def get_context(self, request: HttpRequest, response: HttpResponse) -> Any:
        request.user = bearer(request.headers["Authorization"])  # type: ignore[assignment]
        return super().get_context(request, response)


def uncached(graphql_schema: GraphQLSchema, source: str) -> DocumentNode:
    return understood(graphql_schema, source)


def unlimited(graphql_schema: GraphQLSchema, source: str) -> DocumentNode:
    document = parse(source)
    if errors := validate(graphql_schema, document, specified_rules):
        raise ExceptionGroup("the document is invalid", errors)
    return document


class UncachedView(CommunityView):
    understood = staticmethod(uncached)


class UnlimitedView(CommunityView):
    understood = staticmethod(cached(unlimited))

    def prepare(self, source: str, data: dict[str, Any]) -> DocumentNode:
        return self.understood(self.schema.graphql_schema, source)


class NaiveView(CommunityView):
    def prepare(self, source: str, data: dict[str, Any]) -> DocumentNode:
        return unlimited(self.schema.graphql_schema, source)


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


def served(view: type[CommunityView], of: Any = schema, execution: Any = LoadingExecution) -> Any:
    return csrf_exempt(view.as_view(schema=of, execution_context_class=execution))


urlpatterns = [
    path("strawberry/", csrf_exempt(BerryView.as_view(schema=berry_schema))),
    path("uncached/", served(UncachedView)),
    path("unlimited/", served(UnlimitedView)),
    path("naive/", served(NaiveView, feed_queries.naive_schema, None)),
    path("plain/", csrf_exempt(plain)),
    *urls.urlpatterns,
]


# --- asking -------------------------------------------------------------------------------------------


def ask(url: str, body: bytes, token: str) -> bytes:
    """One request through the whole service, in this process. Raises RuntimeError for an error."""
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": url, "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {token}", "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    answer: Any = handler(environ, lambda line, _: status.append(line))  # type: ignore[arg-type]
    content = b"".join(answer)
    answer.close()
    if not status[0].startswith("2") or b'"errors"' in content or content.count(b'"rating"') != POSTS:
        raise RuntimeError(f"{url}: {status[0]} {content[:300].decode()}")
    return content


def fill() -> User:
    """Reviews by many authors, all of whom the reader follows; each has up to 8 comments and 5 likes."""
    users = get_user_model().objects
    reader, *people = (users.get_or_create(username=name)[0] for name in ("reader", *(f"author {n}" for n in range(AUTHORS))))
    if Review.objects.count() == STORED:
        return reader
    Review.objects.all().delete()
    Follow.objects.bulk_create((Follow(follower=reader, followed=other) for other in people), ignore_conflicts=True)
    wanted = (Product(sku=f"SKU-{n:06d}", name=f"Mug {n}", price="4.90") for n in range(STORED // AUTHORS))
    Product.objects.bulk_create(wanted, ignore_conflicts=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = [(author, product) for product in Product.objects.order_by("sku")[: STORED // AUTHORS] for author in people]
    reviews = Review.objects.bulk_create(
        Review(author=author, product=product, rating=n % 5 + 1, body="Good, and well made.", posted_at=start + timedelta(minutes=n))
        for n, (author, product) in enumerate(pairs)
    )
    Comment.objects.bulk_create(
        Comment(review=review, author=people[(n + i) % AUTHORS], body="Mine too.", posted_at=review.posted_at + timedelta(seconds=i))
        for n, review in enumerate(reviews)
        for i in range(n % 5 + COMMENTS)
    )
    Like.objects.bulk_create(Like(review=review, user=people[(n + i) % AUTHORS]) for n, review in enumerate(reviews) for i in range(n % 6))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return reader


@contextlib.contextmanager
def asking() -> Iterator[Any]:
    handler.load_middleware()
    token = issue(fill())

    def work(url: str, query: str = QUERY) -> Work:
        body = json.dumps({"query": query, "variables": {"first": POSTS}}).encode()
        return lambda: ask(url, body, token)

    # a token lives for ten minutes, a benchmark on a slow machine may take longer
    with override_settings(ROOT_URLCONF=__name__, ACCESS_TOKEN_LIFETIME=timedelta(hours=1)):
        token = issue(fill())
        yield work


@contextlib.contextmanager
def feeds() -> Iterator[Mapping[str, Work]]:
    with asking() as work:
        yield {
            STRAWBERRY: work("/strawberry/", BERRY_QUERY),
            "this feed": work("/graphql/"),
            "this feed, each document parsed and validated anew": work("/uncached/"),
            "graphene-django as its tutorial shows it": work("/naive/", NAIVE_QUERY),
            "one SQL statement and orjson": work("/plain/"),
        }


@contextlib.contextmanager
def limits() -> Iterator[Mapping[str, Work]]:
    with asking() as work:
        yield {"without limits": work("/unlimited/"), "with limits": work("/graphql/")}


benchmarks = {
    "feed": Benchmark(
        question=f"The feed of {POSTS} of {STORED:,} reviews, with author, product, both counts and {COMMENTS} comments each.",
        baseline=STRAWBERRY,
        contenders=feeds,
        goals={"this feed": 1.5},
    ),
    "limits": Benchmark(
        question="The same query with the query limits and without them, its document cached.",
        baseline="without limits",
        contenders=limits,
        goals={"with limits": 0.95},
    ),
}
