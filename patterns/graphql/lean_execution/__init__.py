"""Lean execution: what is the same for all rows is looked up once for all of them.

Problem         graphql-core asks anew for each field of each row: which field of the schema is it, what are its arguments, which kind
                of type does it return, what goes into `info`. For a list of 20 rows that is more work than the resolvers do.
Guarantee       The answers, errors and their paths included, are those of graphql-core. Fields and their arguments are looked up
                once for each place in the query, however many rows there are.
Not guaranteed  Asynchronous resolvers: they are refused (loaders.py waits for its own). `is_type_of` is asked where an interface or a
                union needs it, and not again where the schema names the type. All rows get the same objects as arguments.
Cost            A tuple for each place in the query.
Use instead     graphql-core's own ExecutionContext, where answers are short: it is the reference. strawberry has no such knob.

Source: GraphQL specification, 6.4 "Executing Fields"; graphql-core 3.2, `ExecutionContext`, whose methods these replace.
"""

from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import Any, NamedTuple

from graphene.types.resolver import dict_or_attr_resolver
from graphql import (
    ExecutionContext,
    FieldNode,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    located_error,
)
from graphql.execution.execute import get_field_def
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, is_iterable

BEFORE_PATH = GraphQLResolveInfo._fields.index("path")
PLAIN = frozenset((str, int, float, bool))  # neither an error nor None nor to be waited for: most of what an answer is made of
Fields = dict[str, list[FieldNode]]
Complete = Callable[[Any, list[FieldNode], GraphQLResolveInfo, Path, Any], Any]


class Field(NamedTuple):
    """What a field of a selection has in common for all rows."""

    name: str  # in the answer
    nodes: list[FieldNode]
    type: GraphQLOutputType
    leaf: Any  # the type, when it is a scalar or an enum, required or not; None otherwise
    attribute: tuple[str, Any] | None  # (name, default) when that is all that its resolver reads
    resolve: Callable[..., Any]
    arguments: dict[str, Any]
    info: GraphQLResolveInfo  # without a path

    def info_at(self, path: Path) -> GraphQLResolveInfo:
        return GraphQLResolveInfo._make((*self.info[:BEFORE_PATH], path, *self.info[BEFORE_PATH + 1 :]))


class LeanExecution(ExecutionContext):
    """For `execution_context_class`, of a view or of `execute`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # by id: dicts have no hash. Beside its plan each is kept, so that no other gets its id
        self.plans: dict[int, tuple[Fields, list[Field]]] = {}
        self.ways: dict[GraphQLOutputType, tuple[Complete, Any]] = {}

    def execute_fields(self, parent_type: GraphQLObjectType, source_value: Any, path: Path | None, fields: Fields) -> Any:
        known = self.plans.get(id(fields))
        if known is None:
            known = self.plans[id(fields)] = fields, self.plan(parent_type, fields)
        return self.gathered({field.name: self.value(field, parent_type, source_value, path) for field in known[1]})

    def gathered(self, results: Any) -> Any:
        """An object's fields, or a list's items: here a subclass may wait for them."""
        return results

    def plan(self, parent_type: GraphQLObjectType, fields: Fields) -> list[Field]:
        plan = []
        for name, nodes in fields.items():
            definition = get_field_def(self.schema, parent_type, nodes[0])
            if definition is None:
                continue  # validation would have refused it
            resolve: Callable[..., Any] = definition.resolve or self.field_resolver
            attribute: Any = resolve.args if isinstance(resolve, partial) and resolve.func is dict_or_attr_resolver else None
            if self.middleware_manager and self.middleware_manager.middlewares:
                resolve, attribute = self.middleware_manager.get_field_resolver(resolve), None
            try:
                arguments = get_argument_values(definition, nodes[0], self.variable_values)
            except GraphQLError as error:
                resolve, attribute, arguments = raising(error), None, {}
            info = self.build_resolve_info(definition, nodes, parent_type, None)  # type: ignore[arg-type]
            inner: Any = get_nullable_type(definition.type)  # type: ignore[arg-type]
            plan.append(Field(name, nodes, definition.type, inner if is_leaf_type(inner) else None, attribute, resolve, arguments, info))
        return plan

    def value(self, field: Field, parent_type: GraphQLObjectType, source: Any, above: Path | None) -> Any:
        path = Path(above, field.name, parent_type.name)
        try:
            if field.attribute and not isinstance(source, dict):
                found, info = getattr(source, *field.attribute), field.info
            else:
                info = field.info_at(path)
                found = field.resolve(source, info, **field.arguments)
            if field.leaf and type(found) in PLAIN:
                return self.complete_leaf_value(field.leaf, found)
            return self.settle(found, field.type, field.nodes, info, path)
        except Exception as error:
            return self.failed(error, field.type, field.nodes, path)

    def settle(self, found: Any, return_type: GraphQLOutputType, nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path) -> Any:
        """The completed value of what a resolver returned."""
        if hasattr(found, "__await__"):
            if isinstance(found, CoroutineType):
                found.close()  # or Python warns that nobody awaited it
            raise TypeError(f"the resolver of {info.parent_type.name}.{info.field_name} is asynchronous")
        return self.complete_value(return_type, nodes, info, path, found)

    def failed(self, error: Exception, return_type: GraphQLOutputType, nodes: list[FieldNode], path: Path) -> None:
        self.handle_field_error(located_error(error, nodes, path.as_list()), return_type, path)

    def complete_value(
        self, return_type: GraphQLOutputType, field_nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path, result: Any
    ) -> Any:
        way = self.ways.get(return_type)
        if way is None:
            way = self.ways[return_type] = self.way(return_type)
        complete, inner = way
        if result is None or result is Undefined:
            completed = None
        elif isinstance(result, Exception):
            raise result
        else:
            completed = complete(inner, field_nodes, info, path, result)
        if completed is None and inner is not return_type:
            raise TypeError(f"Cannot return null for non-nullable field {info.parent_type.name}.{info.field_name}.")
        return completed

    def way(self, return_type: GraphQLOutputType) -> tuple[Complete, Any]:
        """How values of the type are completed, and the type itself when it is a required one."""
        inner: Any = get_nullable_type(return_type)  # type: ignore[arg-type]
        if is_leaf_type(inner):
            return lambda leaf, nodes, info, path, result: self.complete_leaf_value(leaf, result), inner
        if is_list_type(inner):
            return self.complete_list_value, inner
        return self.complete_object_value if is_object_type(inner) else self.complete_abstract_value, inner

    def complete_object_value(
        self, return_type: GraphQLObjectType, field_nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path, result: Any
    ) -> Any:
        return self.execute_fields(return_type, result, path, self.collect_subfields(return_type, field_nodes))

    def complete_list_value(
        self, return_type: GraphQLList[Any], field_nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path, result: Any
    ) -> Any:
        if not is_iterable(result):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{info.parent_type.name}.{info.field_name}'.")
        item_type = return_type.of_type
        return self.gathered([self.item(item_type, field_nodes, info, Path(path, index, None), item) for index, item in enumerate(result)])

    def item(self, item_type: GraphQLOutputType, nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path, item: Any) -> Any:
        try:
            return self.settle(item, item_type, nodes, info, path)
        except Exception as error:
            return self.failed(error, item_type, nodes, path)


def raising(error: GraphQLError) -> Callable[..., Any]:
    def resolve(*_: Any) -> None:
        raise error

    return resolve
