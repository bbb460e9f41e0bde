"""The schema changed, and the old app broke.

The experiment makes one change at a time in the committed schema. The naive check is the one that most
projects have: the schema builds, and the queries in the server's own tests are valid. Those queries change
in the same commit.
"""

from pathlib import Path

from graphql import build_schema, parse, validate

from labkit import Counts, Experiment
from patterns.graphql.schema_changes import breaking_changes

COMMITTED = Path("schema.graphql").read_text()
SERVERS_QUERIES = ("{ reviews(first: 2) { edges { node { id body } } } }", "{ __typename }")
# what is removed from the committed text, and what stands there instead
BREAKING = {
    "a field is renamed": ("likeCount: Int!", "likes: Int!"),
    "a field turns nullable": ("author: Profile!", "author: Profile"),
    "a field has another type": ("rating: Int!", "rating: Float!"),
    "a field is removed": ("followerCount: Int!\n", "\n"),
    "an argument is removed": ("profile(username: String!)", "profile"),
    "an argument is renamed": ("product(sku: String!)", "product(code: String!)"),
    "an argument becomes required": ("orderBy: ProductOrder! = SKU", "orderBy: ProductOrder!"),
    "an input's field is added and required": ("input LikeReviewInput {", "input LikeReviewInput {\n  emoji: String!"),
    "an input's field becomes required": ("rating: Int\n", "rating: Int!\n"),
    "an enum's value is removed": ("  OLDEST\n", ""),
    "a type is no node any more": ("type Comment implements Node", "type Comment"),
    "a list's items turn nullable": ("edges: [ReviewEdge!]!", "edges: [ReviewEdge]!"),
}
HARMLESS = {
    "a field is added": ("type Profile implements Node {", "type Profile implements Node {\n  nickname: String"),
    "a field's answer is never null any more": ("email: String\n", "email: String!\n"),
    "a description changes": ("A member.", "Somebody who writes reviews."),
}


def planted(change: tuple[str, str]) -> str:
    before, after = change
    if before not in COMMITTED:
        raise RuntimeError(f"the schema has no {before!r} to plant a change in")
    return COMMITTED.replace(before, after)


def own_queries_fail(new: str) -> bool:
    schema = build_schema(new)
    return any(validate(schema, parse(query)) for query in SERVERS_QUERIES)


def naive() -> Counts:
    return {
        "planted": len(BREAKING),
        "breaking_changes_found": sum(own_queries_fail(planted(change)) for change in BREAKING.values()),
        "false_alarms": sum(own_queries_fail(planted(change)) for change in HARMLESS.values()),
    }


def solved() -> Counts:
    return {
        "planted": len(BREAKING),
        "breaking_changes_found": sum(bool(breaking_changes(COMMITTED, planted(change))) for change in BREAKING.values()),
        "false_alarms": sum(bool(breaking_changes(COMMITTED, planted(change))) for change in HARMLESS.values()),
    }


experiment = Experiment(
    challenge="The schema changed, and the old app broke",
    solution="the schema is committed as SDL, a test compares it with the code, and a check names each breaking change",
    load=f"{len(BREAKING)} breaking changes and {len(HARMLESS)} compatible ones, made in the committed schema one at a time",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["breaking_changes_found"] == 0,
    holds=lambda counts: counts["breaking_changes_found"] == counts["planted"] and counts["false_alarms"] == 0,
    proof=("breaking_changes_found",),
    code="patterns/graphql/schema_changes",
)
