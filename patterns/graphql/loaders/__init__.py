"""Loaders: a list of any length costs each of its fields one query.

Problem         A resolver sees one row. Asked for the author of each of 50 reviews it queries 50 times, and the authors of
                their comments come on top. aiodataloader collects such keys, but it needs an event loop, and
                GraphQLView executes without one, under WSGI and ASGI alike.
Guarantee       However many rows there are, `load` calls its batch once for all keys of a level of the query, and each
                key is loaded once. The batch runs on the request's thread, inside its transaction, also under ASGI: nothing
                here knows of event loops. Nothing is kept from one execution to the next, nor shared with one that runs beside it,
                nor kept from one mutation of a request to the next. A batch that fails fails its own fields only. An operation
                that an error ends early leaves no resolver waiting. A resolver that forgets `load` and queries is refused, not slow.
Not guaranteed  A resolver that loads twice, one after the other, gets two batches. To await anything else than `load` is refused.
Cost            A generator for each field that waits. Each level of batches walks through all fields that still wait.
Use instead     select_related and prefetch_related in the list's resolver, when every client asks for the same fields;
                strawberry-django with its optimizer, in a new project.

Sources: Lee Byron's DataLoader (github.com/graphql/dataloader); graphql-core, `ExecutionContext`; PEP 492, on `__await__`.
"""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Iterator, Mapping
from contextvars import ContextVar
from types import CoroutineType
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import connections
from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, OperationDefinitionNode
from graphql.pyutils import Path

from ..lean_execution import Fields, LeanExecution

REQUIRES = ("lean_execution",)

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")
_execution: ContextVar["LoadingExecution"] = ContextVar("execution")


def load(batch: Callable[..., Mapping[Key, Value]], key: Key, **arguments: Hashable) -> "Loaded[Value]":
    """The value of `key`, to return or to await: what `batch(keys, **arguments)` has for it, or None.

    `batch` is an ordinary function, at a module's top, that may query. It is called once for the keys that the resolvers
    of a level asked for with the same `arguments`.
    """
    loaders = running("load").loaders
    name = (batch, tuple(sorted(arguments.items())))
    loader = loaders.get(name)
    if loader is None:
        loader = loaders[name] = Loader(lambda keys: batch(keys, **arguments))
    return Loaded(loader, key)


def query(function: Callable[Arguments, Value], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
    """Calls a function that queries, at once: for a list at the query's root, and for what a mutation does."""
    with running("query").may_query():
        return function(*args, **kwargs)


def running(name: str) -> "LoadingExecution":
    try:
        return _execution.get()
    except LookupError:
        raise RuntimeError(f"{name}() works in a resolver, and only under execution_context_class=LoadingExecution") from None


class Loader(Generic[Key, Value]):
    """What a batch is asked for, and what it found, in one execution."""

    def __init__(self, batch: Callable[[list[Key]], Mapping[Key, Value]]) -> None:
        self.batch = batch
        self.wanted: dict[Key, None] = {}
        self.found: dict[Key, Value | Exception | None] = {}

    def fetch(self) -> None:
        keys, self.wanted = list(self.wanted), {}
        try:
            values: Mapping[Key, Value | Exception] = self.batch(keys)
        except Exception as error:
            values = dict.fromkeys(keys, error)
        self.found.update((key, values.get(key)) for key in keys)


class Loaded(Awaitable[Value | None]):
    def __init__(self, loader: Loader[Any, Value], key: Hashable) -> None:
        self.loader, self.key = loader, key
        if key not in loader.found:
            loader.wanted[key] = None

    def __await__(self) -> Generator[None, None, Value | None]:
        while self.key not in self.loader.found:
            yield  # to LoadingExecution.finish, which fetches
        value = self.loader.found[self.key]
        if isinstance(value, Exception):
            raise value
        return value


class Waiting:
    """A field or an item that has begun, and waits for its batch."""

    def __init__(self, steps: Generator[None, None, Any]) -> None:
        self.steps = steps


class Together(Awaitable[Any]):
    """An object whose fields, or a list whose items, wait side by side."""

    def __init__(self, results: Any, waiting: dict[Any, Generator[None, None, Any]]) -> None:
        self.results, self.waiting = results, waiting

    def __await__(self) -> Generator[None, None, Any]:
        while self.waiting:
            yield
            for place, steps in list(self.waiting.items()):
                try:
                    next(steps)
                except StopIteration as done:
                    self.results[place] = done.value
                    del self.waiting[place]
        return self.results


class LoadingExecution(LeanExecution):
    """Executes operations so that their resolvers may use `load`. For `execution_context_class`, of a view or of `execute`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.loaders: dict[Hashable, Loader[Any, Any]] = {}
        self.begun: list[Any] = []
        self.queries_allowed = False

    def execute_operation(self, operation: OperationDefinitionNode, root_value: Any) -> Any:
        token = _execution.set(self)
        try:
            with contextlib.ExitStack() as stack:
                for connection in connections.all():
                    stack.enter_context(connection.execute_wrapper(self.refuse))
                return self.finish(super().execute_operation(operation, root_value))
        finally:
            for steps in self.begun:  # those that an error left waiting; to the others it does nothing
                steps.close()
            _execution.reset(token)

    def execute_fields_serially(self, parent_type: GraphQLObjectType, source_value: Any, path: Path | None, fields: Fields) -> Any:
        results: dict[str, Any] = {}
        for name, nodes in fields.items():
            self.loaders.clear()  # the mutation before has written
            results |= self.finish(self.execute_fields(parent_type, source_value, path, {name: nodes}))
        return results

    def finish(self, result: Any) -> Any:
        """What is asked for, when all that waits is fetched, a level at a time."""
        if type(result) is not Together:
            return result
        steps = result.__await__()
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value
            wanted = [loader for loader in self.loaders.values() if loader.wanted]
            if not wanted:
                raise RuntimeError("a resolver awaits something else than load()")
            with self.may_query():
                for loader in wanted:
                    loader.fetch()

    @contextlib.contextmanager
    def may_query(self) -> Iterator[None]:
        before, self.queries_allowed = self.queries_allowed, True
        try:
            yield
        finally:
            self.queries_allowed = before

    def refuse(self, execute: Callable[..., Any], *statement: Any) -> Any:
        if not self.queries_allowed:
            raise RuntimeError("a resolver queries by itself, and would for each row: load() it, or query() at the root")
        return execute(*statement)

    def gathered(self, results: Any) -> Any:
        places = results.items() if type(results) is dict else enumerate(results)
        waiting = {place: value.steps for place, value in places if type(value) is Waiting}
        return Together(results, waiting) if waiting else results

    def settle(self, found: Any, *place: Any) -> Any:
        if type(found) is CoroutineType or type(found) is Loaded:
            return self.begin(self.later(found, *place))
        completed = super().settle(found, *place)
        return self.begin(self.guarded(completed, *place)) if type(completed) is Together else completed

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Its value, or Waiting. It begins at once, so that all keys of a level are wanted before one of them is fetched."""
        steps: Any = coroutine.__await__()
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        self.begun.append(steps)
        return Waiting(steps)

    async def later(
        self, found: Awaitable[Any], return_type: GraphQLOutputType, nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path
    ) -> Any:
        try:
            completed = self.complete_value(return_type, nodes, info, path, await found)
            return await completed if type(completed) is Together else completed
        except Exception as error:
            return self.failed(error, return_type, nodes, path)

    async def guarded(
        self, completed: Together, return_type: GraphQLOutputType, nodes: list[FieldNode], info: GraphQLResolveInfo, path: Path
    ) -> Any:
        try:
            return await completed
        except Exception as error:
            return self.failed(error, return_type, nodes, path)
