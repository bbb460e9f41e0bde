"""Schema changes: what a new schema would break is named before it is deployed.

Problem         A field is renamed, an argument becomes required, a type turns nullable. All tests of the server are green, for
                they were changed along with it; the app that was installed last year is not.
Guarantee       Every change that can make a query fail which was valid, or give it what its client does not expect, is found and
                named: types, fields, arguments, enum values, members and interfaces removed or of another type, and what has
                become required. Dangerous ones are named apart: a default that changed, a new value of an enum. What breaks
                nobody is not named.
Not guaranteed  That anybody uses what breaks; only a record of the clients' queries tells that. What a field means: a price that
                is net from now on is the same schema.
Cost            Some milliseconds, in a test or in CI.
Use instead     GraphQL Inspector or Hive, where schemas are kept in a registry and usage is recorded.

Source: graphql-core, `find_breaking_changes` and `find_dangerous_changes`; the former overlooks a `T! = default` that loses its
default, which is required from then on. It is found here.
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


def breaking_changes(old: str, new: str) -> list[str]:
    """Both are SDL. Each change in words, with its kind first: `FIELD_REMOVED: Review.body was removed.`"""
    before, after = build_schema(old), build_schema(new)
    return [f"{each.type.name}: {each.description}" for each in find_breaking_changes(before, after)] + without_default(before, after)


def dangerous_changes(old: str, new: str) -> list[str]:
    return [f"{each.type.name}: {each.description}" for each in find_dangerous_changes(build_schema(old), build_schema(new))]


def without_default(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    """What could be left out because of its default, and cannot any more."""
    before, after = dict(inputs(old)), dict(inputs(new))
    return [
        f"DEFAULT_REMOVED: {name} has no default any more, and is required."
        for name, value in after.items()
        if name in before and str(before[name].type) == str(value.type) and required(value) and not required(before[name])
    ]


def inputs(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLArgument | GraphQLInputField]]:
    """Everything that a client may have to give, by name."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{kind.name}.{name}", field) for name, field in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                yield from ((f"{kind.name}.{name} arg {argument}", value) for argument, value in field.args.items())


def required(value: GraphQLArgument | GraphQLInputField) -> bool:
    return is_required_argument(value) if isinstance(value, GraphQLArgument) else is_required_input_field(value)
