"""Query limits: what a query may ask for is decided before anything of it is run.

Problem         A client writes the query, and it fits on one line: reviews of authors of reviews of authors …, the same field
                under a thousand aliases, fragments that each spread the next one twice. The schema allows all of that, and
                one such line keeps a worker and the database busy for minutes. graphene's `depth_limit_validator` follows
                such fragments again and again (exponential), dies of one that is undefined, and as `validation_rules=`
                it replaces the specification's rules.
Guarantee       Refused with the code QUERY_TOO_LARGE, before a resolver runs: more characters or tokens than allowed (before it is
                parsed to its end); more levels, aliases, directives or fields of one name, with those in fragments counted
                wherever they are spread; a higher cost, which is the number of fields that can be in the answer: each list
                counts as long as its `first` says, variables and defaults included. Each fragment is measured once,
                however often it is spread; fragments that are missing or spread themselves are left to the
                specification's own rules.
Not guaranteed  That what is allowed is fast: a field that is slow by itself costs 1 here. A rate: many small queries pass,
                limit those by user and address. Lists without `first` count once, unless they are declared.
Cost            One walk over the document when it is validated, and one a request for the cost, for it depends on the variables.
Use instead     Trusted documents (trusted_documents.py), where all clients are one's own: then nobody else writes queries.
                strawberry's QueryDepthLimiter, MaxAliasesLimiter and MaxTokensLimiter on strawberry.

`limit_rule` belongs beside `specified_rules`, before them: `[limit_rule(limits), *specified_rules]`; better, in a validation of
its own before theirs, as some of them take long for documents that this one refuses.

Sources: GraphQL specification, 5 "Validation"; OWASP, "GraphQL Cheat Sheet"; graphql-core, `ASTValidationRule`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
    get_operation_root_type,
    parse,
    value_from_ast_untyped,
)


@dataclass(frozen=True)
class Limits:
    """The defaults suit schemas whose own pages nest two deep. Introspection does not count as depth."""

    characters: int = 15_000
    tokens: int = 1_000
    depth: int = 10
    aliases: int = 15
    directives: int = 50
    repeats: int = 50  # fields of one name: the specification's rule on merging compares each with each
    cost: int = 5_000  # fields in the answer


class TooLarge(GraphQLError):
    def __init__(self, what: str, maximum: int) -> None:
        code = {"code": "QUERY_TOO_LARGE", "limit": what, "maximum": maximum}
        super().__init__(f"The query is too large: it has more than {maximum} {what}.", extensions=code)


class Size(NamedTuple):
    depth: int = 0
    aliases: int = 0
    directives: int = 0


def parse_within(limits: Limits, source: str) -> DocumentNode:
    """Raises TooLarge, or GraphQLSyntaxError."""
    if len(source) > limits.characters:
        raise TooLarge("characters", limits.characters)
    try:
        return parse(source, max_lexical_tokens=limits.tokens)
    except GraphQLError as error:
        if error.message.endswith("tokens. Parsing aborted."):
            raise TooLarge("tokens", limits.tokens) from None
        raise


def limit_rule(limits: Limits) -> type[ASTValidationRule]:
    """A validation rule of levels, aliases, directives and repeated fields."""

    class LimitRule(ASTValidationRule):
        def enter_document(self, document: DocumentNode, *_: Any) -> None:
            self.fragments: dict[str, FragmentDefinitionNode | Size] = {
                each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
            }

            self.names: Counter[str] = Counter()

        def enter_field(self, field: FieldNode, *_: Any) -> None:
            self.names[field.alias.value if field.alias else field.name.value] += 1

        def leave_document(self, *_: Any) -> None:
            if max(self.names.values(), default=0) > limits.repeats:
                self.report_error(TooLarge("fields of one name", limits.repeats))

        def enter_operation_definition(self, operation: OperationDefinitionNode, *_: Any) -> None:
            size = self.measure(operation.selection_set)
            own = len(operation.directives) + sum(len(variable.directives) for variable in operation.variable_definitions)
            for what, found, most in (
                ("levels", size.depth, limits.depth),
                ("aliases", size.aliases, limits.aliases),
                ("directives", size.directives + own, limits.directives),
            ):
                if found > most:
                    self.report_error(TooLarge(what, most))

        def measure(self, selections: SelectionSetNode | None) -> Size:
            depth = aliases = directives = 0
            for each in selections.selections if selections else ():
                spread = isinstance(each, FragmentSpreadNode)
                inner = self.fragment(each.name.value) if spread else self.measure(each.selection_set)  # type: ignore[attr-defined]
                if isinstance(each, FieldNode):
                    # introspection has a limit of its own (MaxIntrospectionDepthRule), or is off
                    inner = inner._replace(depth=1 if each.name.value.startswith("__") else inner.depth + 1)
                    aliases += each.alias is not None
                depth = max(depth, inner.depth)
                aliases += inner.aliases
                directives += inner.directives + len(each.directives)
            return Size(depth, aliases, directives)

        def fragment(self, name: str) -> Size:
            known = self.fragments.get(name, Size())
            if isinstance(known, FragmentDefinitionNode):
                self.fragments[name] = Size()  # what it finds of itself meanwhile is a cycle: the specification's rule refuses it
                size = self.measure(known.selection_set)
                known = self.fragments[name] = size._replace(directives=size.directives + len(known.directives))
            return known

    return LimitRule


def check_cost(
    limits: Limits,
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    variables: Mapping[str, Any] | None = None,
    operation_name: str | None = None,
    page_argument: str = "first",
    lists: Mapping[str, int] | None = None,
) -> int:
    """The cost of the operation that will run. Raises TooLarge. For a document that has passed validation.

    `lists` says how long those can be that have no page argument: `{"PostReviews.results": 100}`.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return 0  # the execution will say so
    root = get_operation_root_type(schema, operation)
    counting = _Costs(schema, document, operation, variables or {}, page_argument, lists or {})
    cost = counting.of(operation.selection_set, root)
    if cost > limits.cost:
        raise TooLarge("fields in its answer", limits.cost)
    return cost


class _Costs:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        page_argument: str,
        lists: Mapping[str, int],
    ) -> None:
        self.schema, self.page_argument, self.lists = schema, page_argument, lists
        self.fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        self.of_fragments: dict[str, int] = {}
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions
            if each.default_value
        }
        self.variables = defaults | dict(variables)

    def of(self, selections: SelectionSetNode | None, parent: GraphQLNamedType) -> int:
        cost = 0
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                cost += self.of_field(each, parent)
            elif isinstance(each, FragmentSpreadNode):
                cost += self.of_fragment(each.name.value)
            else:
                condition = each.type_condition  # type: ignore[attr-defined]
                inner = self.schema.get_type(condition.name.value) if condition else parent
                cost += self.of(each.selection_set, inner or parent)  # type: ignore[attr-defined]
        return cost

    def of_fragment(self, name: str) -> int:
        if name not in self.of_fragments:
            fragment = self.fragments[name]
            inner = self.schema.get_type(fragment.type_condition.name.value)
            self.of_fragments[name] = self.of(fragment.selection_set, inner) if inner else 0
        return self.of_fragments[name]

    def of_field(self, node: FieldNode, parent: GraphQLNamedType) -> int:
        field = getattr(parent, "fields", {}).get(node.name.value)
        if node.selection_set is None or field is None:  # a leaf, or introspection
            return 1
        size = self.size(node, field, self.lists.get(f"{parent.name}.{node.name.value}", 1))
        return 1 + size * self.of(node.selection_set, get_named_type(field.type))

    def size(self, node: FieldNode, field: GraphQLField, otherwise: int) -> int:
        if self.page_argument not in field.args:
            return otherwise
        size = field.args[self.page_argument].default_value
        for argument in node.arguments:
            if argument.name.value == self.page_argument:
                if isinstance(argument.value, IntValueNode):
                    size = int(argument.value.value)
                elif isinstance(argument.value, VariableNode):
                    size = self.variables.get(argument.value.name.value, size)
        return size if isinstance(size, int) and size > 1 else 1  # what is no size the execution refuses
