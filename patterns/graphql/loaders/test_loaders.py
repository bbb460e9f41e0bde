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

from . import LoadingExecution, load, query

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
    patient = graphene.String()
    strict = graphene.NonNull(graphene.String)
    twice = graphene.String()
    elsewhere = graphene.String()
    pausing = graphene.String()
    group_name = graphene.String()
    group_count = graphene.Int(allowed=graphene.Boolean(default_value=False))

    def resolve_label(item: Any, info: Any, prefix: str) -> Any:
        return load(labels, item.number, prefix=prefix)

    def resolve_children(item: Any, info: Any) -> Any:
        return load(children, item.number)

    def resolve_broken(item: Any, info: Any) -> Any:
        return load(broken, item.number)

    def resolve_must(item: Any, info: Any) -> Any:
        return load(broken, item.number)

    def resolve_strict(item: Any, info: Any) -> str:
        raise LookupError("no luck at once")

    async def resolve_patient(item: Any, info: Any) -> None:
        try:
            for place in range(3):
                await load(labels, place)
        finally:
            calls.append(("patient", [item.number]))

    async def resolve_twice(item: Any, info: Any) -> str | None:
        return await load(labels, len(await load(children, item.number) or []), prefix="item")

    async def resolve_elsewhere(item: Any, info: Any) -> None:
        await asyncio.sleep(1)

    async def resolve_pausing(item: Any, info: Any) -> None:
        await asyncio.sleep(0)

    def resolve_group_name(item: Any, info: Any) -> Any:
        return load(group_names, item.number)

    def resolve_group_count(item: Any, info: Any, allowed: bool) -> int:
        return query(Group.objects.count) if allowed else Group.objects.count()


class Query(graphene.ObjectType):
    items = graphene.List(graphene.NonNull(Item), count=graphene.Int(required=True))
    item = graphene.Field(Item, number=graphene.Int(required=True))

    def resolve_items(root: None, info: Any, count: int) -> list[Item]:
        return [Item(number=number) for number in range(1, count + 1)]

    def resolve_item(root: None, info: Any, number: int) -> Item:
        return Item(number=number)


class Rename(graphene.Mutation):
    class Arguments:
        name = graphene.String(required=True)

    Output = Item

    def mutate(root: None, info: Any, name: str) -> Item:
        group = query(Group.objects.get)
        query(Group.objects.filter(pk=group.pk).update, name=name)
        return Item(number=group.pk)


class Mutation(graphene.ObjectType):
    rename = Rename.Field()


schema = graphene.Schema(query=Query, mutation=Mutation)


def directly(document: str, **variables: Any) -> ExecutionResult:
    return schema.execute(document, variables=variables, execution_context_class=LoadingExecution)


def below_a_loop(document: str, **variables: Any) -> ExecutionResult:
    """As under ASGI: Django calls the synchronous view from its loop, in a thread."""
    return async_to_sync(sync_to_async(directly))(document, **variables)


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


def test_a_key_that_a_level_above_has_loaded_is_not_loaded_again(execute: Execute) -> None:
    result = execute("{ item(number: 3) { label twice patient } }")  # the last one brings further levels

    assert result.data == {"item": {"label": "item 3", "twice": "item 3", "patient": None}}
    assert calls.count(("labels", [3])) == 1


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


@pytest.mark.parametrize("failing", ["must", "strict"])
def test_an_operation_that_ends_early_leaves_no_resolver_waiting(execute: Execute, failing: str) -> None:
    result = execute(f"{{ items(count: 1) {{ patient {failing} }} }}")
    ended = [call for call in calls if call[0] == "patient"]

    assert (result.data, len(result.errors or [])) == ({"items": None}, 1)
    assert ended == [("patient", [1])]


def test_a_resolver_may_load_again_with_what_it_has_loaded(execute: Execute) -> None:
    result = execute("{ items(count: 2) { twice } }")

    assert result.data == {"items": [{"twice": "item 3"}, {"twice": "item 3"}]}
    assert calls == [("children", [1, 2]), ("labels", [3])]


@pytest.mark.django_db
def test_a_resolver_that_queries_by_itself_is_refused(execute: Execute) -> None:
    result = execute("{ item(number: 1) { groupCount label } }")

    assert result.data == {"item": {"groupCount": None, "label": "item 1"}}
    assert "queries by itself" in result.errors[0].message  # type: ignore[index]


@pytest.mark.django_db
def test_a_resolver_queries_where_it_says_so_and_nowhere_else(execute: Execute) -> None:
    result = execute("{ item(number: 1) { yes: groupCount(allowed: true) no: groupCount } }")

    assert result.data == {"item": {"yes": 0, "no": None}}
    assert Group.objects.count() == 0  # nor is anybody refused afterwards


@pytest.mark.django_db
def test_a_mutation_finds_what_the_one_before_has_written(execute: Execute) -> None:
    Group.objects.create(name="none")

    result = execute('mutation { a: rename(name: "one") { groupName } b: rename(name: "two") { groupName } }')

    assert result.data == {"a": {"groupName": "one"}, "b": {"groupName": "two"}}


def test_nobody_waits_for_anything_else(execute: Execute) -> None:
    result = execute("{ item(number: 1) { elsewhere label } }")

    assert result.data == {"item": {"elsewhere": None, "label": "item 1"}}
    with pytest.raises(RuntimeError, match="something else than load"):
        execute("{ item(number: 1) { pausing } }")


def test_load_says_what_is_missing_when_nothing_executes_for_it() -> None:
    [error] = schema.execute("{ item(number: 1) { label } }").errors

    assert "execution_context_class=LoadingExecution" in error.message
