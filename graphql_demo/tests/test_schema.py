"""The schema is an agreement: what is committed is what is served."""

from pathlib import Path

from graphql import GraphQLList, GraphQLNonNull, get_named_type, get_nullable_type, is_object_type

from community.schema.schema import schema

COMMITTED = Path("schema.graphql")
types = [kind for name, kind in schema.graphql_schema.type_map.items() if is_object_type(kind) and not name.startswith("__")]


def test_the_committed_schema_is_the_codes() -> None:
    assert COMMITTED.read_text().strip() == str(schema).strip(), "run: python manage.py graphql_schema --out schema.graphql"


def test_every_list_of_rows_is_a_connection_with_a_page_size() -> None:
    lists = {
        f"{kind.name}.{name}"
        for kind in types
        for name, field in kind.fields.items()
        if isinstance(get_nullable_type(field.type), GraphQLList) and name not in ("edges", "userErrors")
    }
    connections = {
        f"{kind.name}.{name}": field
        for kind in types
        for name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }

    assert lists == {"PostReviews.results"}  # as many as the input has, and its service counts those
    for field in connections.values():
        assert field.args["first"].default_value <= 20
        assert "after" in field.args


def test_every_mutation_has_one_input_and_typed_errors() -> None:
    mutation = schema.graphql_schema.mutation_type
    assert mutation
    for field in mutation.fields.values():
        payload = get_named_type(field.type)
        assert list(field.args) == ["input"]
        assert isinstance(field.type, GraphQLNonNull)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"
