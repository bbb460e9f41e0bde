"""Document cache: a query is parsed and validated once, not for every request.

Problem
    Clients send the same few queries all day. Parsing and validating them can cost half
    of a short answer.

Guarantee
    - A document that passed is kept, per schema, for the next request.
    - At most `size` documents are kept; the least recently used is dropped first.
    - A text longer than `longest` characters is not kept.
    - A failed document is not kept, so invalid queries evict nothing.

Not guaranteed
    Sharing between processes. Threads share a document: do not change it.

Cost
    A document takes about 300 times the memory of its text: 256 long ones take 300 MB.

Use instead
    strawberry's ParserCache and ValidationCache, on strawberry. (Checked 2026-11.)

Source: Python documentation, functools.lru_cache

Use
    # your code
    from graphql import build_schema, parse, validate
    from patterns.graphql.document_cache import cached
    def prepare(schema, source):
        document = parse(source)
        if errors := validate(schema, document):
            raise errors[0]
        return document
    prepare = cached(prepare, size=256)
    document = prepare(build_schema("type Query { a: Int }"), "{ a }")
"""

from collections.abc import Callable
from functools import lru_cache

from graphql import DocumentNode, GraphQLSchema

Prepare = Callable[[GraphQLSchema, str], DocumentNode]


def cached(prepare: Prepare, *, size: int = 256, longest: int = 4_000) -> Prepare:
    """`prepare` with a cache. It parses, validates, and raises for a document that fails."""
    kept = lru_cache(maxsize=size)(prepare)

    def get(schema: GraphQLSchema, source: str) -> DocumentNode:
        return kept(schema, source) if len(source) <= longest else prepare(schema, source)

    return get
