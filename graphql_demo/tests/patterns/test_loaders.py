"""The pattern without the community: numbered items, whose children and labels are loaded."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import graphene
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group
from graphql import ExecutionResult

from patterns.loaders import LoadingExecution, load

THREE_LEVELS = "query ($count: Int!) { items(count: $count) { label children { label children { label } } } }"
Execute = Callable[..., ExecutionResult]
calls: list[tuple[str, list[Any]]] = []


def labels(numbers: Sequence[int], *, prefix: str = "item") -> dict[int, str]:
    calls.append(("labels", list(numbers)))
    return {number: f"{prefix} {number}" for number in numbers if number >= 0}


def children(numbers: Sequence[int]) -> dict[int, list["Item"]]:
    calls.append(("children", list(numbers)))
    return {number: [Item(number=number * 100 + place) for place in range(3)] for number in numbers}


def broken(numbers: Sequence[int]) -> dict[int, str]:
    raise LookupError("no luck")


def group_names(ids: Sequence[int]) -> dict[int, str]:
    calls.append(("thread", [threading.get_ident()]))
    return dict(Group.objects.filter(pk__in=ids).values_list("pk", "name"))


class Item(graphene.ObjectType):
    number = graphene.Int()
    label = graphene.String(prefix=graphene.String(default_value="item"))
    children = graphene.List(lambda: Item)
    broken = graphene.String()
    must = graphene.NonNull(graphene.String)
    endless = graphene.String()
    group_name = graphene.String()
    group_count = graphene.Int()
    thread = graphene.String()

    def resolve_label(item: Any, info: Any, prefix: str) -> Any:
        return load(labels, item.number, prefix=prefix)

    def resolve_children(item: Any, info: Any) -> Any:
        return load(children, item.number)

    def resolve_broken(item: Any, info: Any) -> Any:
        return load(broken, item.number)

    def resolve_must(item: Any, info: Any) -> Any:
        return load(broken, item.number)

    async def resolve_endless(item: Any, info: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            calls.append(("endless", [item.number]))

    def resolve_group_name(item: Any, info: Any) -> Any:
        return load(group_names, item.number)

    def resolve_group_count(item: Any, info: Any) -> int:
        return Group.objects.count()

    def resolve_thread(item: Any, info: Any) -> str:
        return str(threading.get_ident())


class Query(graphene.ObjectType):
    items = graphene.List(graphene.NonNull(Item), count=graphene.Int(required=True))
    item = graphene.Field(Item, number=graphene.Int(required=True))

    def resolve_items(root: None, info: Any, count: int) -> list[Item]:
        return [Item(number=number) for number in range(1, count + 1)]

    def resolve_item(root: None, info: Any, number: int) -> Item:
        return Item(number=number)


schema = graphene.Schema(query=Query)


def directly(query: str, **variables: Any) -> ExecutionResult:
    return schema.execute(query, variables=variables, execution_context_class=LoadingExecution)


def below_a_loop(query: str, **variables: Any) -> ExecutionResult:
    """As under ASGI: Django calls the synchronous view from its loop, in a thread."""
    return async_to_sync(sync_to_async(directly))(query, **variables)


@pytest.fixture(params=[directly, below_a_loop], ids=["wsgi", "asgi"])
def execute(request: pytest.FixtureRequest) -> Execute:
    calls.clear()
    return request.param


def test_a_level_costs_one_batch_a_field_however_many_rows_it_has(execute: Execute) -> None:
    for count in (1, 30):
        calls.clear()
        result = execute(THREE_LEVELS, count=count)

        assert result.errors is None
        assert result.data["items"][-1]["children"][2]["children"][1]["label"] == f"item {count}0201"
        assert sorted((name, len(keys)) for name, keys in calls) == sorted(
            [("labels", count), ("labels", count * 3), ("labels", count * 9), ("children", count), ("children", count * 3)]
        )


def test_a_key_is_loaded_once_however_often_it_is_asked_for(execute: Execute) -> None:
    result = execute("{ a: item(number: 1) { label again: label } b: item(number: 1) { label } }")

    assert result.data == {"a": {"label": "item 1", "again": "item 1"}, "b": {"label": "item 1"}}
    assert calls == [("labels", [1])]


def test_what_is_loaded_with_other_arguments_is_loaded_apart(execute: Execute) -> None:
    result = execute('{ item(number: 1) { label other: label(prefix: "other") } }')

    assert result.data == {"item": {"label": "item 1", "other": "other 1"}}


def test_a_key_that_the_batch_has_nothing_for_is_null(execute: Execute) -> None:
    result = execute("{ item(number: -1) { label } }")

    assert (result.data, result.errors) == ({"item": {"label": None}}, None)


@pytest.mark.django_db
def test_a_batch_runs_on_the_requests_thread_and_in_its_transaction(execute: Execute) -> None:
    group = Group.objects.create(name="not committed")

    assert execute(f"{{ item(number: {group.pk}) {{ groupName }} }}").data == {"item": {"groupName": "not committed"}}
    assert calls == [("thread", [threading.get_ident()])]


def test_nothing_is_kept_from_one_execution_to_the_next(execute: Execute) -> None:
    execute("{ item(number: 1) { label } }")
    execute("{ item(number: 1) { label } }")

    assert calls == [("labels", [1]), ("labels", [1])]


def test_executions_side_by_side_share_nothing(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_loading = threading.Barrier(2, timeout=10)

    def whose(numbers: Sequence[int], **_: str) -> dict[int, str]:
        both_are_loading.wait()
        return {number: threading.current_thread().name for number in numbers}

    monkeypatch.setitem(globals(), "labels", whose)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(directly, ["{ item(number: 1) { label } }"] * 2)

    assert one.errors is other.errors is None
    assert one.data["item"]["label"] != other.data["item"]["label"]


def test_a_failing_batch_fails_its_own_fields_only(execute: Execute) -> None:
    result = execute("query ($count: Int!) { items(count: $count) { label broken } }", count=2)

    assert result.data == {"items": [{"label": "item 1", "broken": None}, {"label": "item 2", "broken": None}]}
    assert [(error.path, error.message) for error in result.errors or []] == [
        (["items", 0, "broken"], "no luck"),
        (["items", 1, "broken"], "no luck"),
    ]


def test_an_operation_that_ends_early_leaves_nothing_running() -> None:
    calls.clear()

    def serve() -> tuple[ExecutionResult, list[Any]]:
        return directly("{ items(count: 1) { must endless } }"), list(calls)

    result, ended = async_to_sync(sync_to_async(serve))()

    assert result.data == {"items": None}
    assert ended == [("endless", [1])]


@pytest.mark.django_db
def test_a_resolver_that_queries_by_itself_is_refused(execute: Execute) -> None:
    [error] = execute("{ item(number: 1) { groupCount } }").errors or []

    assert type(error.original_error).__name__ == "SynchronousOnlyOperation"


def test_resolvers_do_not_hold_up_the_servers_loop() -> None:
    async def serve() -> tuple[Any, int]:
        return await sync_to_async(directly)("{ item(number: 1) { thread } }"), threading.get_ident()

    result, servers_thread = asyncio.run(serve())

    assert result.data["item"]["thread"] != str(servers_thread)


def test_load_says_what_is_missing_when_nothing_executes_for_it() -> None:
    [error] = schema.execute("{ item(number: 1) { label } }").errors

    assert "execution_context_class=LoadingExecution" in error.message
