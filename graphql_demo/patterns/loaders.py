"""Loaders: a list of any length costs each of its fields one query.

Problem         A resolver sees one row. Asked for the author of each of 50 reviews it queries 50 times, and the authors of
                their comments come on top. aiodataloader collects such keys, but it needs an event loop, and
                GraphQLView executes without one, under WSGI and ASGI alike.
Guarantee       However many rows there are, `load` calls its batch once for all keys of a level of the query, and each
                key is loaded once. The batch runs on the request's thread, inside its transaction, also under ASGI.
                Nothing is kept from one execution to the next, nor shared with one that runs beside it. A batch that fails
                fails its own fields only. An operation that an error ends early leaves nothing running. A resolver that
                forgets `load` and queries is refused by Django, not slow.
Not guaranteed  What was loaded is not loaded again after a write in the same operation. A resolver that awaits something
                else first comes too late for its level's batch, and gets another.
Cost            An event loop in a thread of its own for each execution, and a change of threads for each batch.
                graphene-django's own resolvers for relations and DjangoConnectionField query where Django forbids it.
Use instead     select_related and prefetch_related in the list's resolver, when every client asks for the same fields;
                strawberry-django with its optimizer, in a new project.

Sources: graphql-core, `ExecutionContext`; Django documentation, "Asynchronous support", on `async_to_sync` and async safety.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from aiodataloader import DataLoader
from asgiref.sync import async_to_sync, sync_to_async
from graphql import ExecutionContext, OperationDefinitionNode
from graphql.pyutils import is_awaitable

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_loaders: ContextVar[dict[Hashable, DataLoader[Any, Any]]] = ContextVar("loaders")


class LoadingExecution(ExecutionContext):
    """Executes operations so that their resolvers may use `load`. For `execution_context_class`, of a view or of `execute`."""

    def execute_operation(self, operation: OperationDefinitionNode, root_value: Any) -> Any:
        # a loop of our own also under ASGI: on the server's, resolvers would hold up all other requests, and what still
        # runs when an error ends the operation early would outlive it
        return async_to_sync(self._execute, force_new_loop=True)(operation, root_value)

    async def _execute(self, operation: OperationDefinitionNode, root_value: Any) -> Any:
        self.is_awaitable = is_awaitable  # graphene's `schema.execute` says that nothing is; but it waits for us
        token = _loaders.set({})
        try:
            result: Any = super().execute_operation(operation, root_value)
            return await result if is_awaitable(result) else result
        finally:
            _loaders.reset(token)


def load(batch: Callable[..., Mapping[Key, Value]], key: Key, **arguments: Hashable) -> Awaitable[Value | None]:
    """The value of `key`: what `batch(keys, **arguments)` has for it, or None.

    `batch` is an ordinary function, at a module's top, that may query. It is called once for the keys that the resolvers
    of a level asked for with the same `arguments`.
    """
    try:
        loaders = _loaders.get()
    except LookupError:
        raise RuntimeError("load() works in a resolver, and only under execution_context_class=LoadingExecution") from None
    name = (batch, tuple(sorted(arguments.items())))
    if name not in loaders:

        async def fetch(keys: list[Key]) -> list[Value | None]:
            found = await sync_to_async(batch)(keys, **arguments)
            return [found.get(key) for key in keys]

        loaders[name] = DataLoader(fetch)
    return loaders[name].load(key)
