"""One nested query takes the server down.

Four queries with a huge answer go to graphene-django as its tutorial shows it, and to this service.
Data loaders limit how many SQL queries a list costs. They do not limit how many lists a client asks for, or
how large the answer is.
"""

import json
import time
from typing import Any

import graphene
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone
from graphene_django import DjangoConnectionField, DjangoObjectType
from graphene_django.registry import Registry
from graphene_django.views import GraphQLView

from community.models import Comment, Product, Review
from community.schema.schema import schema
from community.views import CommunityView
from labkit import Counts, Experiment, count_queries

MEMBERS, LEVELS, ALIASES, DOUBLINGS = 5, 40, 100, 6
apart = Registry()  # graphene-django has one type a model, and the demo's own schema has it


class Profile(DjangoObjectType):
    class Meta:
        model = get_user_model()
        fields = ["username", "reviews"]
        registry = apart


class NaiveComment(DjangoObjectType):
    class Meta:
        model = Comment
        fields = ["body"]
        interfaces = [graphene.relay.Node]
        registry = apart


class NaiveReview(DjangoObjectType):
    class Meta:
        model = Review
        fields = ["body", "author", "comments"]
        interfaces = [graphene.relay.Node]
        registry = apart


class NaiveQuery(graphene.ObjectType):
    reviews = DjangoConnectionField(NaiveReview)
    profile = graphene.Field(Profile, username=graphene.String())

    def resolve_profile(root: Any, info: graphene.ResolveInfo, username: str) -> Any:
        return get_user_model().objects.get(username=username)


def chain(levels: int) -> str:
    """Reviews of authors of reviews of authors …"""
    return "reviews(first: 1) { edges { node { author { " * levels + "username" + " } } } }" * levels


def doubling(levels: int) -> str:
    """Each fragment spreads the next one twice, under another name."""
    both = "{name}: reviews(first: 1) {{ edges {{ node {{ author {{ ...F{next} }} }} }} }} "
    fragments = "".join(
        f"fragment F{n} on Profile {{ " + "".join(both.format(name=name, next=n + 1) for name in "ab") + "} " for n in range(levels)
    )
    return f'{{ profile(username: "member 0") {{ ...F0 }} }} {fragments} fragment F{levels} on Profile {{ username }}'


BOMBS = {
    "depth": f"{{ {chain(LEVELS)} }}",
    "aliases": "{ " + " ".join(f"a{n}: reviews(first: 5) {{ edges {{ node {{ id }} }} }}" for n in range(ALIASES)) + " }",
    "fragments": doubling(DOUBLINGS),
    "lists": "{ reviews(first: 100) { edges { node { comments(first: 100) { edges { node { body } } } } } } }",
}


def fill() -> None:
    Product.objects.all().delete()
    members = [get_user_model().objects.get_or_create(username=f"member {n}")[0] for n in range(MEMBERS)]
    for n in range(20):
        product = Product.objects.create(sku=f"SKU-{n:06d}", name="Mug", price="4.90")
        for author in members:
            review = Review.objects.create(author=author, product=product, rating=n % 5 + 1, body="Good.", posted_at=timezone.now())
            Comment.objects.bulk_create(Comment(review=review, author=author, body="x", posted_at=timezone.now()) for _ in range(20))


def send(view: Any, *, tries: int) -> Counts:
    counts: Counts = {"bombs": len(BOMBS), **{f"sql_by_{name}": 0 for name in BOMBS}, "refused": 0, "fields_in_the_answers": 0}
    slow = 0
    for name, query in BOMBS.items():
        seconds = []
        for _ in range(tries):  # the processor time of the fastest counts: the machine has other work
            request = RequestFactory().post("/graphql/", json.dumps({"query": query}), content_type="application/json")
            request.session, request.user = {}, AnonymousUser()  # type: ignore[assignment]
            with count_queries() as statements:
                begun = time.thread_time()
                answer = view(request).content.decode()
                seconds.append(time.thread_time() - begun)
        counts[f"sql_by_{name}"] = len(statements)
        counts["refused"] += '"data":{' not in answer
        counts["fields_in_the_answers"] += answer.count('":')
        slow += min(seconds) > 0.05
    return counts | {"slower_than_50_milliseconds": slow}


def naive() -> Counts:
    fill()
    return send(GraphQLView.as_view(schema=graphene.Schema(query=NaiveQuery)), tries=1)


def solved() -> Counts:
    fill()
    return send(CommunityView.as_view(schema=schema), tries=5)


def sql(counts: Counts) -> list[int | float]:
    return [count for name, count in counts.items() if name.startswith("sql_")]


experiment = Experiment(
    challenge="One nested query takes the server down",
    solution="limits on characters, tokens, depth, aliases, directives and cost, checked before execution",
    load=f"{len(BOMBS)} queries: {LEVELS} reviews and authors deep, {ALIASES} aliases, {DOUBLINGS} fragments that double, 100 lists of 100",
    naive=naive,
    solved=solved,
    breaks=lambda counts: min(sql(counts)) > 0 and counts["refused"] == 0 and counts["slower_than_50_milliseconds"] > 0,
    holds=lambda counts: set(sql(counts)) == {0} and (counts["refused"], counts["slower_than_50_milliseconds"]) == (len(BOMBS), 0),
    proof=("sql_by_depth", "sql_by_aliases", "sql_by_fragments", "slower_than_50_milliseconds"),
    code="patterns/graphql/query_depth",
)
