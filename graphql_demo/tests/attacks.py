"""Attack documents: each is refused with a GraphQL error, before a resolver runs. Test data; the bombs' sizes fit in one request."""

import json
from typing import Any


def bomb(query: str, **variables: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


def nested(levels: int) -> str:
    """Reviews of authors of reviews of authors …"""
    inner = "edges { node { author { reviews(first: 1) { " * levels + "pageInfo { hasNextPage }" + " } } } }" * levels
    return f"reviews(first: 1) {{ {inner} }}"


def branching(levels: int) -> str:
    """Each fragment spreads the next one twice: 2 ** levels ways to the end, on half a screen."""
    fragments = "".join(
        f" fragment F{n} on Review {{ author {{ reviews {{ edges {{ node {{ ...F{n + 1} }} }} }} }} ...F{n + 1} }}" for n in range(levels)
    )
    return f"{{ reviews {{ edges {{ node {{ ...F0 }} }} }} }} {fragments} fragment F{levels} on Review {{ body }}"


ATTACKS: dict[str, bytes] = {
    # depth
    "depth": bomb(f"{{ {nested(5)} }}"),
    "levels, as far as the parser goes": bomb(f"{{ {nested(60)} }}"),
    "depth, by inline fragments": bomb(
        "{ reviews { edges { node { " + "author { reviews { edges { node { ... { " * 5 + "id" + " } } } } }" * 5 + " } } } }"
    ),
    "depth, of an introspection": bomb("{ __schema { types { " + "fields { type { " * 30 + "name" + " } }" * 30 + " } } }"),
    "depth, of an input": bomb("{ product(sku: " + "[" * 300 + "]" * 300 + ") { name } }"),
    # aliases
    "aliases": bomb("{ " + " ".join(f"a{n}: reviews {{ edges {{ cursor }} }}" for n in range(60)) + " }"),
    "aliases, of a leaf": bomb("{ reviews { edges { node { " + " ".join(f"a{n}: likeCount" for n in range(300)) + " } } } }"),
    "aliases, in a fragment": bomb(
        "{ " + " ".join(f"a{n}: me {{ ...F }}" for n in range(8)) + " } fragment F on Profile { b: username c: email }"
    ),
    # fragments
    "fragments that branch": bomb(branching(10)),
    "fragments that branch, as far as tokens go": bomb(branching(45)),
    "fragments in a chain": bomb("{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(500))),
    "a fragment that spreads itself": bomb("{ ...A } fragment A on Query { me { username } ...A }"),
    "fragments that spread each other": bomb(
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...C ...A } fragment C on Query { ...B }"
    ),
    "a fragment that is missing": bomb("{ ...Missing }"),
    "a missing fragment deep inside": bomb("{ reviews { edges { node { ...A } } } } fragment A on Review { ...Missing }"),
    # directives
    "directives": bomb("{ __typename " + "@include(if: true) " * 60 + "}"),
    "directives that are none": bomb("{ __typename " + "@a" * 400 + " }"),
    "directives of the operation": bomb("query " + "@a " * 60 + "{ __typename }"),
    "directives of a variable": bomb("query ($a: Int " + "@a " * 60 + ") { __typename }"),
    # the size of lists
    "a list of a thousand million": bomb("{ reviews(first: 1000000000) { edges { node { id } } } }"),
    "lists in lists": bomb("{ reviews(first: 100) { edges { node { comments(first: 100) { edges { node { body } } } } } } }"),
    "lists in lists, by variables": bomb(
        "query ($n: Int!) { reviews(first: $n) { edges { node { comments(first: $n) { edges { node { body } } } } } } }", n=100
    ),
    "lists in lists, by defaults": bomb(
        "query ($n: Int! = 100) { reviews(first: $n) { edges { node { comments(first: $n) { edges { node { body } } } } } } }"
    ),
    "lists in lists, by fragments": bomb(
        "{ reviews(first: 100) { ...A } } fragment A on ReviewConnection { edges { node { comments(first: 100) { ...B } } } }"
        " fragment B on CommentConnection { edges { node { body } } }"
    ),
    "lists in a bulk mutation's results": bomb(
        "mutation ($r: [PostReviewInput!]!) { postReviews(input: {reviews: $r}) { results { review { ...A } } } }"
        " fragment A on Review { comments(first: 100) { edges { cursor } } }",
        r=[],
    ),
    # variables
    "a variable that is no object": b'{"query": "query ($n: Int!) { reviews(first: $n) { edges { cursor } } }", "variables": ["n"]}',
    "a variable that is infinite": b'{"query": "query ($n: Int!) { reviews(first: $n) { edges { cursor } } }", "variables": {"n": 1e400}}',
    "a variable that is no number": b'{"query": "query ($n: Int!) { reviews(first: $n) { edges { cursor } } }", "variables": {"n": "9"}}',
    "variables, hundreds": bomb("query (" + " ".join(f"$v{n}: Int" for n in range(300)) + ") { __typename }"),
    "a number of 5,000 digits": bomb("{ reviews(first: " + "9" * 5_000 + ") { edges { cursor } } }"),
    # size
    "tokens": bomb("{ " + "__typename " * 2_000 + "}"),
    "braces that are never closed": bomb("{" * 5_000),
    "characters": bomb("{ __typename } #" + "x" * 20_000),
    "the same field, hundreds of times": bomb("{ reviews { edges { node { " + "id " * 330 + "} } } } { again: __typename }"),
    # batches
    "a batch": json.dumps([{"query": "{ __typename }"}] * 100).encode(),
    "operations, hundreds": bomb(" ".join(f"query Q{n} {{ __typename }}" for n in range(150))),
    # JSON
    "JSON of 100,000 brackets": b"[" * 100_000,
    "a document that is a list": b'{"query": ["{ __typename }"]}',
}
