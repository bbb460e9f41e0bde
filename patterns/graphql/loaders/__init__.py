"""Data loaders: a list of any length costs one query per field.

Problem
    Resolvers see one row. If they query, 50 reviews query 50 times for their authors:
    N+1.

Guarantee
    - `load` calls its batch once per level, with each key once.
    - Batches run on the request's thread, connection and transaction.
    - Executions share nothing. A `query` forgets what was loaded before.
    - A failing batch fails only its own fields.
    - An operation that ends early leaves no resolver waiting.
    - Other queries in resolvers raise SynchronousOnlyOperation.

Not guaranteed
    Resolvers can await nothing else. Evaluate a lazy `request.user` first.

Cost
    An event loop per operation, a task per field.

Use instead
    prefetch_related, if all clients ask for the same fields. strawberry-django with its
    optimizer. (Checked 2026-11.)

Source: github.com/graphql/dataloader

Use
    # your code
    from django.contrib.auth.models import User
    from graphene_django.views import GraphQLView
    from patterns.graphql.loaders import load, with_loaders
    def authors(ids):
        return User.objects.in_bulk(ids)  # {id: author}
    def resolve_author(review, info):
        return load(authors, review.author_id)
    class View(GraphQLView):
        def execute_graphql_request(self, *args, **kwargs):
            execute = super().execute_graphql_request
            return with_loaders(lambda: execute(*args, **kwargs))
"""

import asyncio
import inspect
import selectors
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar, cast

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Batch = Callable[..., Mapping[Key, Value]]
Future = asyncio.Future[Any]
Name = tuple[Callable[..., Any], tuple[tuple[str, Any], ...]]  # a batch and its arguments
_execution: ContextVar["_Execution | None"] = ContextVar("execution", default=None)


def load(batch: Batch[Key, Value], key: Key, **arguments: Hashable) -> Awaitable[Value | None]:
    """The value of `key`, to return or to await: `batch(keys, **arguments)[key]`, or None.

    `batch` is an ordinary function that may query, defined at the top of a module.
    """
    execution = _running("load")
    name = (batch, tuple(sorted(arguments.items())))
    loaded = execution.loaded.setdefault(name, {})
    if key not in loaded:
        loaded[key] = execution.loop.create_future()
        execution.wanted.setdefault(name, {})[key] = loaded[key]
    return loaded[key]


async def query(function: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
    """The result of a function that queries or writes: for root lists and for mutations."""
    execution = _running("query")

    def batch(_: object) -> dict[None, Value]:
        execution.loaded.clear()  # the function may write
        return {None: function(*args, **kwargs)}

    return cast(Value, await load(batch, None))


def with_loaders(execute: Callable[[], Awaitable[Value] | Value]) -> Value:
    """Calls `execute`, which executes an operation; its resolvers may use `load` and `query`."""
    execution = _Execution()
    token = _execution.set(execution)
    try:
        return execution.run(execute)
    finally:
        _execution.reset(token)


def _running(name: str) -> "_Execution":
    if execution := _execution.get():
        return execution
    raise RuntimeError(f"{name}() works only in a resolver, under with_loaders()")


class _StopWhenIdle(selectors.DefaultSelector):
    """Stops its event loop where the loop would wait: every resolver of a level has asked."""

    loop: asyncio.AbstractEventLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout != 0:
            self.loop.stop()
        return super().select(0)


class _Execution:
    """Runs resolvers in an event loop, and their database access between the loop's runs."""

    def __init__(self) -> None:
        selector = _StopWhenIdle()
        self.loop = selector.loop = asyncio.SelectorEventLoop(selector)
        self.wanted: dict[Name, dict[Any, Future]] = {}
        self.loaded: dict[Name, dict[Any, Future]] = {}

    def run(self, execute: Callable[[], Awaitable[Value] | Value]) -> Value:
        async def operation() -> Value:
            result = execute()
            return await result if inspect.isawaitable(result) else result

        task = self.loop.create_task(operation())
        try:
            self.loop.run_forever()
            while self.wanted and not task.done():
                self.access_database()
                self.loop.run_forever()
            if task.done():
                return task.result()
            raise RuntimeError("a resolver awaits something other than load() or query()")
        finally:
            for waiting in asyncio.all_tasks(self.loop):
                waiting.cancel()
            self.loop.run_forever()
            self.loop.close()

    def access_database(self) -> None:
        """Outside of the running loop: inside, Django refuses it."""
        wanted, self.wanted = self.wanted, {}
        for (batch, arguments), futures in wanted.items():
            try:
                values = batch(list(futures), **dict(arguments))
            except Exception as error:
                for future in futures.values():
                    future.set_exception(error)
            else:
                for key, future in futures.items():
                    future.set_result(values.get(key))
