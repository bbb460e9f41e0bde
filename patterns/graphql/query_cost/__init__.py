"""Query cost limit: an operation that could return too much is refused.

Problem
    One line can ask for 100 lists of 100 rows. One variable can hold a thousand writes.

Guarantee
    - The cost is the number of fields that the answer can have: each list times its
      page argument. List inputs count per item.
    - The operation and variables are those that graphql-core executes.
    - More than `max_cost` gets QUERY_TOO_LARGE, before any resolver runs.
    - A missing or null page argument is refused, unless `list_sizes` names the list.

Not guaranteed
    That a cheap query is fast. Other lists without a page argument count once.

Cost
    One linear pass per request.

Use instead
    Trusted documents, if all clients are yours. (Checked 2026-11.)

Source: OWASP, GraphQL Cheat Sheet

Use
    # your code
    from graphql import build_schema, execute, parse
    from patterns.graphql.query_cost import LimitedCost
    class Execution(LimitedCost):  # or GraphQLView.as_view(execution_context_class=...)
        max_cost = 2_000
        list_sizes = {"PostReviews.results": 100}
    schema = build_schema("type Query { people(first: Int! = 10): [String!]! }")
    result = execute(schema, parse("{ people }"), execution_context_class=Execution)
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import graphql
from graphql import ExecutionContext, FieldNode, GraphQLError, GraphQLNamedType, SelectionSetNode


class QueryTooCostly(GraphQLError):
    def __init__(self, message: str, maximum: int) -> None:
        code = {"code": "QUERY_TOO_LARGE", "limit": "cost", "maximum": maximum}
        super().__init__(message, extensions=code)


class LimitedCost(ExecutionContext):
    """Checks the cost of what it is about to execute. For a document that passed validation."""

    max_cost: ClassVar[int] = 5_000
    input_item_cost: ClassVar[int] = 10  # a row to write costs more than a field to read
    page_arguments: ClassVar[tuple[str, ...]] = ("first", "last")
    list_sizes: ClassVar[Mapping[str, int]] = {}  # by "Type.field": lists without page arguments

    @classmethod
    def build(cls, *args: Any, **options: Any) -> "list[GraphQLError] | ExecutionContext":
        context = super().build(*args, **options)
        if isinstance(context, LimitedCost):
            try:
                context.check_cost()
            except GraphQLError as error:
                return [error]
        return context

    def check_cost(self) -> int:
        """The cost of the operation. Raises QueryTooCostly and other GraphQLErrors."""
        self.of_fragments: dict[str, int] = {}
        root = self.schema.get_root_type(self.operation.operation)
        try:
            cost = self.of(self.operation.selection_set, root) if root else 0
        except RecursionError:
            cost = self.max_cost + 1
        if cost > self.max_cost:
            message = f"The query costs more than {self.max_cost}: ask for fewer rows or fields."
            raise QueryTooCostly(message, self.max_cost)
        return cost

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType) -> int:
        return sum(self.of_selection(each, parent) for each in self.included(selections))

    def included(self, selections: SelectionSetNode) -> Iterable[graphql.SelectionNode]:
        for node in selections.selections:
            skip, include = (
                graphql.get_directive_values(directive, node, self.variable_values)
                for directive in (graphql.GraphQLSkipDirective, graphql.GraphQLIncludeDirective)
            )
            if not (skip and skip["if"]) and (include is None or include["if"]):
                yield node

    def of_selection(self, node: Any, parent: GraphQLNamedType) -> int:
        if isinstance(node, FieldNode):
            return self.of_field(node, parent)
        if not isinstance(node, graphql.FragmentSpreadNode):
            return self.of(node.selection_set, self.type_of(node) or parent)
        name = node.name.value
        if name not in self.of_fragments:
            fragment = self.fragments[name]
            inner = self.type_of(fragment)
            self.of_fragments[name] = self.of(fragment.selection_set, inner) if inner else 0
        return self.of_fragments[name]

    def type_of(self, fragment: Any) -> GraphQLNamedType | None:
        condition = fragment.type_condition
        return self.schema.get_type(condition.name.value) if condition else None

    def of_field(self, node: FieldNode, parent: Any) -> int:
        name = node.name.value
        if name.startswith("__"):  # introspection
            return 1
        inner = 0
        if node.selection_set:
            inner = self.of(node.selection_set, graphql.get_named_type(parent.fields[name].type))
        # the implementations of an interface may have other defaults than the interface
        types = (
            self.schema.get_possible_types(parent) if graphql.is_abstract_type(parent) else [parent]
        )
        return max(self.of_type(node, kind, inner) for kind in types)

    def of_type(self, node: FieldNode, kind: graphql.GraphQLObjectType, inner: int) -> int:
        field = kind.fields[node.name.value]
        arguments = graphql.get_argument_values(field, node, self.variable_values)
        cost = 1 + self.input_item_cost * list_items(arguments)
        coordinate = f"{kind.name}.{node.name.value}"
        pages = [name for name in self.page_arguments if name in field.args]
        values = [arguments.get(field.args[name].out_name or name) for name in pages]
        sizes = [size for size in values if isinstance(size, int)]
        size = max(sizes, default=self.list_sizes.get(coordinate))
        if size is None:
            if pages:
                raise QueryTooCostly(f"{coordinate} needs {' or '.join(pages)}.", self.max_cost)
            return cost + inner
        return cost + max(size, 1) * (inner or 1)


def list_items(value: Any) -> int:
    """How many items the lists in a coerced input have, nested ones included."""
    if isinstance(value, dict):
        return sum(map(list_items, value.values()))
    if isinstance(value, list | tuple):
        return len(value) + sum(map(list_items, value))
    return 0
