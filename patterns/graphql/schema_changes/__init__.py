"""Schema changes: a check names what a new GraphQL schema breaks before you deploy it.

Problem
    A renamed field passes the server's tests, which changed with it. The app that was
    installed last year breaks.

Guarantee
    - Each breaking change is named: what was removed, what has another type, and each
      new requirement.
    - So is an input that loses its default; graphql-core's own check misses it.
    - Dangerous changes (a new enum value, another default) are listed apart.
    - Changes that break no client are not named.

Not guaranteed
    That a client uses what breaks. Changes of meaning, as when a price becomes net.

Cost
    A few milliseconds, in a test or in CI.

Use instead
    GraphQL Inspector or Hive, with a schema registry. (Checked 2026-11.)

Source: graphql-core, find_breaking_changes

Use
    # your code
    from patterns.graphql.schema_changes import breaking_changes, dangerous_changes
    old = "type Query { a: Int }"  # of the deployed release, as SDL
    new = "type Query { a: Int  b: Int }"
    assert breaking_changes(old, new) == []
    print(dangerous_changes(old, new))
"""

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    is_required_argument,
    is_required_input_field,
)

Input = GraphQLArgument | GraphQLInputField


def breaking_changes(old: str, new: str) -> list[str]:
    """Compares SDL. Each change begins with its kind: `FIELD_REMOVED: Review.body was removed.`"""
    before, after = build_schema(old), build_schema(new)
    found = find_breaking_changes(before, after)
    return [f"{each.type.name}: {each.description}" for each in found] + lost_defaults(
        before, after
    )


def dangerous_changes(old: str, new: str) -> list[str]:
    found = find_dangerous_changes(build_schema(old), build_schema(new))
    return [f"{each.type.name}: {each.description}" for each in found]


def lost_defaults(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    before, after = dict(inputs(old)), dict(inputs(new))
    return [
        f"DEFAULT_REMOVED: {name} lost its default and is now required."
        for name, value in after.items()
        if name in before
        and str(before[name].type) == str(value.type)
        and is_required(value)
        and not is_required(before[name])
    ]


def inputs(schema: GraphQLSchema) -> Iterator[tuple[str, Input]]:
    """Every argument and input field of the schema, by name."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{kind.name}.{name}", field) for name, field in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                for argument, value in field.args.items():
                    yield f"{kind.name}.{name} arg {argument}", value


def is_required(value: Input) -> bool:
    if isinstance(value, GraphQLArgument):
        return is_required_argument(value)
    return is_required_input_field(value)
