"""The pattern alone: numbered items, whose children and labels are loaded."""

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

from . import load, query, with_loaders

THREE_LEVELS = (
    "query ($count: Int!) { items(count: $count) { label children { label children { label } } } }"
)
Execute = Callable[..., ExecutionResult]
calls: list[tuple[str, list[Any]]] = []


def labels(numbers: Sequence[int], *, prefix: str = "item") -> dict[int, str]:
    calls.append(("labels", list(numbers)))
    return {number: f"{prefix} {number}" for number in numbers if number >= 0}


def children(numbers: Sequence[int]) -> dict[int, list["Item"]]:
    calls.append(("children", list(numbers)))
    return {number: [Item(number=number * 100 + n) for n in range(3)] for number in numbers}


def broken(numbers: Sequence[int]) -> dict[int, str]:
    raise LookupError("no luck")


def group_names(ids: Sequence[int]) -> dict[int, str]:
    calls.append(("thread", [threading.get_ident()]))
    return dict(Group.objects.filter(pk__in=ids).values_list("pk", "name"))


class Item(graphene.ObjectType):
    number = graphene.Int()
    label = graphene.String(prefix=graphene.String(default_value="item"))
    late_label = graphene.String()
    children = graphene.List(lambda: Item)
    broken = graphene.String()
    required_broken = graphene.NonNull(graphene.String)
    patient = graphene.String()
    twice = graphene.String()
    sleeping = graphene.String()
    group_name = graphene.String()
    group_count = graphene.Int()

    def resolve_label(item: Any, info: Any, prefix: str) -> Any:
        return load(labels, item.number, prefix=prefix)

    async def resolve_late_label(item: Any, info: Any) -> Any:
        for _ in range(3):
            await asyncio.sleep(0)  # a turn of the loop: it asks later than its siblings
        return await load(labels, item.number, prefix="item")

    def resolve_children(item: Any, info: Any) -> Any:
        return load(children, item.number)

    def resolve_broken(item: Any, info: Any) -> Any:
        return load(broken, item.number)

    resolve_required_broken = resolve_broken

    async def resolve_patient(item: Any, info: Any) -> None:
        try:
            for n in range(3):
                await load(labels, n)
        finally:
            calls.append(("patient", [item.number]))

    async def resolve_twice(item: Any, info: Any) -> str | None:
        return await load(labels, len(await load(children, item.number) or []), prefix="item")

    async def resolve_sleeping(item: Any, info: Any) -> None:
        await asyncio.sleep(1)

    def resolve_group_name(item: Any, info: Any) -> Any:
        return load(group_names, item.number)

    def resolve_group_count(item: Any, info: Any) -> int:
        return Group.objects.count()


class Query(graphene.ObjectType):
    items = graphene.List(graphene.NonNull(Item), count=graphene.Int(required=True))
    item = graphene.Field(Item, number=graphene.Int(required=True))
    group_count = graphene.Int()

    def resolve_items(root: None, info: Any, count: int) -> list[Item]:
        return [Item(number=number) for number in range(1, count + 1)]

    def resolve_item(root: None, info: Any, number: int) -> Item:
        return Item(number=number)

    def resolve_group_count(root: None, info: Any) -> Any:
        return query(Group.objects.count)


class Rename(graphene.Mutation):
    class Arguments:
        name = graphene.String(required=True)

    Output = Item

    async def mutate(root: None, info: Any, name: str) -> Item:
        group = await query(Group.objects.get)
        await query(Group.objects.filter(pk=group.pk).update, name=name)
        return Item(number=group.pk)


class Mutation(graphene.ObjectType):
    rename = Rename.Field()


schema = graphene.Schema(query=Query, mutation=Mutation)


def directly(document: str, **variables: Any) -> ExecutionResult:
    return with_loaders(lambda: schema.execute_async(document, variables=variables))


def below_a_loop(document: str, **variables: Any) -> ExecutionResult:
    """As under ASGI: Django calls the synchronous view from its loop, in a thread."""
    return async_to_sync(sync_to_async(directly))(document, **variables)


@pytest.fixture(params=[directly, below_a_loop], ids=["wsgi", "asgi"])
def execute(request: pytest.FixtureRequest) -> Execute:
    calls.clear()
    return request.param


def test_a_level_costs_one_batch_per_field_however_many_rows_it_has(execute: Execute) -> None:
    for count in (1, 30):
        calls.clear()
        result = execute(THREE_LEVELS, count=count)

        assert result.errors is None
        last = result.data["items"][-1]["children"][2]["children"][1]
        assert last["label"] == f"item {count}0201"
        assert sorted((name, len(keys)) for name, keys in calls) == [
            *(("children", count * rows) for rows in (1, 3)),
            *(("labels", count * rows) for rows in (1, 3, 9)),
        ]


def test_a_key_is_loaded_once_however_often_it_is_asked_for(execute: Execute) -> None:
    result = execute("{ a: item(number: 1) { label again: label } b: item(number: 1) { label } }")

    assert result.data == {"a": {"label": "item 1", "again": "item 1"}, "b": {"label": "item 1"}}
    assert calls == [("labels", [1])]


def test_a_batch_waits_for_resolvers_that_ask_some_turns_later(execute: Execute) -> None:
    result = execute("{ a: item(number: 1) { label } b: item(number: 2) { lateLabel } }")

    assert result.data == {"a": {"label": "item 1"}, "b": {"lateLabel": "item 2"}}
    assert calls == [("labels", [1, 2])]


def test_a_key_that_an_earlier_level_loaded_is_not_loaded_again(execute: Execute) -> None:
    result = execute("{ item(number: 3) { label twice patient } }")  # patient adds levels

    assert result.data == {"item": {"label": "item 3", "twice": "item 3", "patient": None}}
    assert calls.count(("labels", [3])) == 1


def test_keys_with_other_arguments_are_loaded_apart(execute: Execute) -> None:
    result = execute('{ item(number: 1) { label other: label(prefix: "other") } }')

    assert result.data == {"item": {"label": "item 1", "other": "other 1"}}


def test_a_key_that_the_batch_has_no_value_for_is_null(execute: Execute) -> None:
    result = execute("{ item(number: -1) { label } }")

    assert (result.data, result.errors) == ({"item": {"label": None}}, None)


@pytest.mark.django_db
def test_a_batch_runs_on_the_requests_thread_and_in_its_transaction(execute: Execute) -> None:
    group = Group.objects.create(name="not committed")

    result = execute(f"{{ item(number: {group.pk}) {{ groupName }} }}")

    assert result.data == {"item": {"groupName": "not committed"}}
    assert calls == [("thread", [threading.get_ident()])]


def test_nothing_is_kept_from_one_execution_to_the_next(execute: Execute) -> None:
    execute("{ item(number: 1) { label } }")
    execute("{ item(number: 1) { label } }")

    assert calls == [("labels", [1]), ("labels", [1])]


def test_executions_at_the_same_time_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_loading = threading.Barrier(2, timeout=10)

    def thread_names(numbers: Sequence[int], **_: str) -> dict[int, str]:
        both_are_loading.wait()
        return {number: threading.current_thread().name for number in numbers}

    monkeypatch.setitem(globals(), "labels", thread_names)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(directly, ["{ item(number: 1) { label } }"] * 2)

    assert one.errors is other.errors is None
    assert one.data["item"]["label"] != other.data["item"]["label"]


def test_a_failing_batch_fails_only_its_own_fields(execute: Execute) -> None:
    result = execute("{ items(count: 2) { label broken } }")

    assert result.data == {
        "items": [{"label": "item 1", "broken": None}, {"label": "item 2", "broken": None}]
    }
    assert [(error.path, error.message) for error in result.errors or []] == [
        (["items", 0, "broken"], "no luck"),
        (["items", 1, "broken"], "no luck"),
    ]


def test_an_operation_that_ends_early_leaves_no_resolver_waiting(execute: Execute) -> None:
    result = execute("{ items(count: 1) { patient requiredBroken } }")

    assert (result.data, len(result.errors or [])) == ({"items": None}, 1)
    assert [call for call in calls if call[0] == "patient"] == [("patient", [1])]


def test_a_resolver_may_load_again_with_what_it_has_loaded(execute: Execute) -> None:
    result = execute("{ items(count: 2) { twice } }")

    assert result.data == {"items": [{"twice": "item 3"}, {"twice": "item 3"}]}
    assert calls == [("children", [1, 2]), ("labels", [3])]


@pytest.mark.django_db
def test_a_resolver_that_queries_by_itself_is_refused(execute: Execute) -> None:
    result = execute("{ groupCount item(number: 1) { groupCount label } }")

    assert result.data == {"groupCount": 0, "item": {"groupCount": None, "label": "item 1"}}
    assert "from an async context" in result.errors[0].message  # type: ignore[index]


@pytest.mark.django_db
def test_a_mutation_reads_what_the_one_before_has_written(execute: Execute) -> None:
    Group.objects.create(name="none")

    result = execute(
        'mutation { a: rename(name: "one") { groupName } b: rename(name: "two") { groupName } }'
    )

    assert result.errors is None
    assert result.data == {"a": {"groupName": "one"}, "b": {"groupName": "two"}}


def test_a_resolver_that_awaits_something_else_fails_the_operation(execute: Execute) -> None:
    with pytest.raises(RuntimeError, match=r"something other than load"):
        execute("{ item(number: 1) { sleeping } }")


def test_an_operation_without_loads_is_executed_too(execute: Execute) -> None:
    assert execute("{ item(number: 1) { number } }").data == {"item": {"number": 1}}


def test_load_outside_of_with_loaders_says_what_is_missing() -> None:
    [error] = schema.execute("{ item(number: 1) { label } }").errors

    assert "only in a resolver, under with_loaders()" in error.message
