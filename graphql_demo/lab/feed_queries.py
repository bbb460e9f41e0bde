"""The feed runs hundreds of queries.

One query, three levels deep, is sent for 10 and for 50 reviews. The naive schema is graphene-django as its
tutorial shows it: each field of each row fetches what it needs. Both get the query over HTTP from Django's
test clients, through all middleware.
"""

import gc
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client, override_settings

from community import models
from labkit import Counts, Experiment, count_queries
from labkit.logs import quiet

QUERY = """query ($first: Int!) { feed(first: $first) { edges { node {
    rating body author { username } product { sku name } likeCount
    comments(first: 3) { edges { node { body author { username } } } }
} } } }"""
FEW, MANY, COMMENTS = 10, 50, 3
BATCHES = 5  # session and user; the feed with authors and products; its like counts; its comments with their authors


def naive() -> Counts:
    fill()
    with override_settings(ROOT_URLCONF="lab.naive.feed"):
        return ask_all()[0] | stock_loaders()


def solved() -> Counts:
    fill()
    counts, reviews = ask_all()
    with override_settings(ROOT_URLCONF="lab.naive.feed"):
        expected = ask(client().post, MANY)
    return counts | {"answers_that_differ": sum(ours != theirs for ours, theirs in zip(reviews, expected, strict=True))}


def fill() -> None:
    """Reviews by `MANY` authors of as many products; each has up to two likes, and four comments, of others. The reader follows all."""
    models.Product.objects.all().delete()
    users = get_user_model().objects
    authors = [users.get_or_create(username=f"author {n}")[0] for n in range(MANY)]
    others = [users.get_or_create(username=f"other {n}")[0] for n in range(COMMENTS + 1)]
    reader = users.get_or_create(username="reader")[0]
    models.Follow.objects.bulk_create((models.Follow(follower=reader, followed=author) for author in authors), ignore_conflicts=True)
    for n, author in enumerate(authors):
        product = models.Product.objects.create(sku=f"SKU-{n:06d}", name=f"Mug {n}", price="4.90")
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)
        review = models.Review.objects.create(author=author, product=product, rating=4, body=f"review {n}", posted_at=at)
        for i, other in enumerate(others):
            models.Comment.objects.create(review=review, author=other, body=f"comment {n} {i}", posted_at=at + timedelta(minutes=i))
        models.Like.objects.bulk_create(models.Like(review=review, user=other) for other in others[: n % 3])


def client(kind: type[Client] | type[AsyncClient] = Client) -> Any:
    made = kind()
    made.force_login(get_user_model().objects.get(username="reader"))
    return made


def ask_all() -> tuple[Counts, list[Any]]:
    counts: Counts = {}
    for name, post in {"wsgi": client().post, "asgi": async_to_sync(client(AsyncClient).post)}.items():
        for first in (FEW, MANY):
            with count_queries() as statements:
                reviews = ask(post, first)
            counts[f"sql_queries_for_{first}_reviews_{name}"] = len(statements)
    return counts | {"reviews": len(reviews), "comments": sum(len(review["node"]["comments"]["edges"]) for review in reviews)}, reviews


def stock_loaders() -> Counts:
    """How many of the stock loader's queries are answered, by both resolvers, under WSGI and ASGI."""
    answered = []
    for post in (Client().post, async_to_sync(AsyncClient().post)):
        for field in ("returned", "awaited"):
            with warnings.catch_warnings(), quiet(), override_settings(ALLOWED_HOSTS=["testserver"]):
                warnings.simplefilter("ignore")  # "was never awaited", which is what happens
                try:
                    answer = post("/stock/", {"query": f"{{ {field} }}"}, content_type="application/json").json()
                    answered.append(answer == {"data": {field: "1"}})
                except Exception:  # GraphQLView lets it through: to Django a 500
                    answered.append(False)
                gc.collect()  # the coroutine's warning comes when it is collected
    return {"stock_loader_queries": len(answered), "stock_loader_answers": sum(answered)}


def ask(post: Callable[..., Any], first: int) -> list[Any]:
    body = {"query": QUERY, "variables": {"first": first}}
    with override_settings(ALLOWED_HOSTS=["testserver"]):  # the name under which Django's test clients call
        answer = post("/graphql/", body, content_type="application/json").json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return list(answer["data"]["feed"]["edges"])


experiment = Experiment(
    challenge="The feed runs hundreds of queries",
    solution="data loaders, one set per request: each fetches once for all rows of a level",
    load=f"one GraphQL query for {FEW} and for {MANY} reviews with author, product, likes, {COMMENTS} comments and their authors, "
    "under WSGI and under ASGI",
    naive=naive,
    solved=solved,
    breaks=lambda counts: (
        counts["sql_queries_for_50_reviews_wsgi"] > counts["sql_queries_for_10_reviews_wsgi"] > BATCHES
        and counts["stock_loader_answers"] == 0
    ),
    holds=lambda counts: (
        {count for name, count in counts.items() if name.startswith("sql_queries_")} == {BATCHES}
        and (counts["reviews"], counts["comments"], counts["answers_that_differ"]) == (MANY, MANY * COMMENTS, 0)
    ),
    proof=("sql_queries_for_10_reviews_wsgi", "sql_queries_for_50_reviews_wsgi", "sql_queries_for_50_reviews_asgi"),
    code="patterns/graphql/loaders",
)
