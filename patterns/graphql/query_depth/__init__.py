"""Query depth limits: a document that is too large is refused before it is validated.

Problem
    One field under a thousand aliases, or fragments that each spread the next twice,
    keep a worker busy for minutes.

Guarantee
    - Refused with QUERY_TOO_LARGE: too many characters or tokens, levels, aliases,
      directives, or fields of one name. Fragments count wherever they are spread.
    - The time is linear: each fragment is measured once.
    - Cyclic and undefined fragments are left to the specification's rules.

Not guaranteed
    The size of the answer (see query_cost). The number of queries.

Cost
    One pass over the document (see document_cache).

Use instead
    Trusted documents, if all clients are yours. QueryDepthLimiter, MaxAliasesLimiter
    and MaxTokensLimiter, on strawberry. (Checked 2026-11.)

Source: OWASP, GraphQL Cheat Sheet; GraphQL specification, section 5

Use
    # your code
    from graphql import build_schema, specified_rules, validate
    from patterns.graphql.query_depth import Limits, limit_rule, parse_within
    schema = build_schema("type Query { a: Int }")
    limits = Limits(depth=8)
    document = parse_within(limits, "{ a }")
    errors = validate(schema, document, [limit_rule(limits)])  # first, and alone:
    errors = errors or validate(schema, document, specified_rules)  # these can be slow
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)


@dataclass(frozen=True)
class Limits:
    """The defaults suit schemas whose own pages nest two deep."""

    characters: int = 15_000
    tokens: int = 1_000
    depth: int = 10
    aliases: int = 15
    directives: int = 50
    repeats: int = 50  # fields of one name: the rule on merging compares each with each


class QueryTooLarge(GraphQLError):
    def __init__(self, what: str, maximum: int) -> None:
        code = {"code": "QUERY_TOO_LARGE", "limit": what, "maximum": maximum}
        super().__init__(f"The query has more than {maximum} {what}.", extensions=code)


class Size(NamedTuple):
    depth: int = 0
    aliases: int = 0
    directives: int = 0


def parse_within(limits: Limits, source: str) -> DocumentNode:
    """Raises QueryTooLarge, or GraphQLSyntaxError."""
    if len(source) > limits.characters:
        raise QueryTooLarge("characters", limits.characters)
    try:
        return parse(source, max_lexical_tokens=limits.tokens)
    except GraphQLError as error:
        if error.message.endswith("tokens. Parsing aborted."):
            raise QueryTooLarge("tokens", limits.tokens) from None
        raise


def limit_rule(limits: Limits) -> type[ASTValidationRule]:
    """A validation rule of levels, aliases, directives and repeated fields."""

    class LimitRule(ASTValidationRule):
        def enter_document(self, document: DocumentNode, *_: Any) -> None:
            definitions = document.definitions
            fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
            self.fragments: dict[str, FragmentDefinitionNode | Size] = {
                each.name.value: each for each in fragments
            }
            self.names: Counter[str] = Counter()

        def enter_field(self, field: FieldNode, *_: Any) -> None:
            self.names[field.alias.value if field.alias else field.name.value] += 1

        def leave_document(self, *_: Any) -> None:
            if max(self.names.values(), default=0) > limits.repeats:
                self.report_error(QueryTooLarge("fields of one name", limits.repeats))

        def enter_operation_definition(self, operation: OperationDefinitionNode, *_: Any) -> None:
            size = self.measure(operation.selection_set)
            variables = operation.variable_definitions
            own = len(operation.directives) + sum(len(each.directives) for each in variables)
            for what, found, most in (
                ("levels", size.depth, limits.depth),
                ("aliases", size.aliases, limits.aliases),
                ("directives", size.directives + own, limits.directives),
            ):
                if found > most:
                    self.report_error(QueryTooLarge(what, most))

        def measure(self, selections: SelectionSetNode | None) -> Size:
            depth = aliases = directives = 0
            for each in selections.selections if selections else ():
                if isinstance(each, FragmentSpreadNode):
                    inner = self.fragment(each.name.value)
                else:
                    inner = self.measure(each.selection_set)  # type: ignore[attr-defined]
                if isinstance(each, FieldNode):
                    # introspection has its own rules (MaxIntrospectionDepthRule), or is off
                    levels = 1 if each.name.value.startswith("__") else inner.depth + 1
                    inner = inner._replace(depth=levels)
                    aliases += each.alias is not None
                depth = max(depth, inner.depth)
                aliases += inner.aliases
                directives += inner.directives + len(each.directives)
            return Size(depth, aliases, directives)

        def fragment(self, name: str) -> Size:
            known = self.fragments.get(name, Size())
            if isinstance(known, FragmentDefinitionNode):
                self.fragments[name] = Size()  # for itself, if it is part of a cycle
                size = self.measure(known.selection_set)
                known = size._replace(directives=size.directives + len(known.directives))
                self.fragments[name] = known
            return known

    return LimitRule
