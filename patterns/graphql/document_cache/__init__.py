"""A cache of parsed and validated documents: the same query is understood once.

Problem         Clients send the same few queries all day, and each time the text is parsed and checked against the schema anew.
                For a query of a screen's length that costs as much as the rest of the answer together.
Guarantee       A document that passed is kept, and the next request with this text gets the same one. Kept are at most `size`
                documents, the least recently used goes first, and none longer than `longest` characters. What
                did not pass is never kept, so that rubbish pushes nothing out. Another schema has entries of its own.
Not guaranteed  Anything across processes: each has its own. A document is shared by threads: do not change it.
Cost            A document in memory takes some hundred times its text (a test measures it). Hence `longest`: at the
                defaults a process keeps at most about 100 MB, if somebody sends 256 different documents of that length.
Use instead     strawberry's ParserCache and ValidationCache, on strawberry.

Source: Python documentation, `functools.lru_cache`: it keeps no exceptions, and threads may share it.
"""

from collections.abc import Callable
from functools import lru_cache

from graphql import DocumentNode, GraphQLSchema

Prepare = Callable[[GraphQLSchema, str], DocumentNode]


def cached(prepare: Prepare, *, size: int = 256, longest: int = 4_000) -> Prepare:
    """`prepare(schema, source)`, which parses and validates and raises for what does not pass, with a cache around it."""
    kept = lru_cache(maxsize=size)(prepare)

    def get(schema: GraphQLSchema, source: str) -> DocumentNode:
        return kept(schema, source) if len(source) <= longest else prepare(schema, source)

    return get
