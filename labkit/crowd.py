"""A crowd: many calls that start at the same moment, spread over processes and threads.

Threads of one process take turns at the interpreter's lock; several processes meet for real in the database. A barrier
lets nobody start before everybody is there, otherwise the first are done before the last begin and no race is seen.
"""

import multiprocessing
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerContext
from typing import Any

import django
from django.db import connections

START_TIMEOUT_SECONDS = 60
LEFT_ALONE = "left alone at the barrier"


def at_once(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, processes: int = 2, warm_up: tuple[Any, ...] | None = None
) -> list[Any]:
    """Calls `function(*each)` for each of the arguments, all released by one barrier. Returns the results in order.

    `function` and its arguments must be picklable (a function at a module's top). Each call has a thread of its own, with
    its own database connection, opened before the barrier falls. An exception of any call is raised here.

    `warm_up` are the arguments of one more call, made in each process before all others: the first call of a process imports,
    compiles and connects, and may be through before its neighbours, who wait for the same imports, have begun.
    """
    context = children()
    barrier = context.Barrier(len(arguments), timeout=START_TIMEOUT_SECONDS)
    shares = [list(range(first, len(arguments), processes)) for first in range(processes)]
    with ThreadPoolExecutor(processes) as waiters:
        work = [pickle.dumps((function, warm_up, [arguments[index] for index in share])) for share in shares if share]
        crowd: list[Any] = []
        running = [waiters.submit(_one_process, context, barrier, each, crowd) for each in work]
        answers = [process.result() for process in running]
    # the first real error says why the others waited in vain
    if errors := [each for answer in answers for each in answer if isinstance(each, BaseException)]:
        raise errors[0]
    if any(each == LEFT_ALONE for answer in answers for each in answer):
        raise RuntimeError("the processes of the crowd did not start in time")
    results: list[Any] = [None] * len(arguments)
    for share, answer in zip([share for share in shares if share], answers, strict=True):
        for index, result in zip(share, answer, strict=True):
            results[index] = result
    return results


def children() -> ForkServerContext:
    """For processes that know Django from the start, and share none of our sockets: they are forked from one that has only imported it.

    Each costs milliseconds; a spawned one imports for a second. They see the environment as it was when the first was made.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "labkit.warm"])
    return context


def _one_process(context: Any, barrier: Any, work: bytes, crowd: list[Any]) -> list[Any]:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_child, args=(sender, barrier, work), daemon=True)
    process.start()
    crowd.append(process)
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        process.join(timeout=10)
        for other in list(crowd):  # not barrier.abort(): who died in the barrier has taken its lock along
            other.kill()
        raise RuntimeError(f"a process of the crowd ended (exit code {process.exitcode})") from None
    process.join(timeout=10)
    return list(answer)


def _in_child(sender: Any, barrier: Any, work: bytes) -> None:
    django.setup()
    function, warm_up, arguments = pickle.loads(work)  # only now: what it names imports models, which need Django set up

    def one(each: tuple[Any, ...]) -> Any:
        try:
            connections["default"].ensure_connection()
            barrier.wait()
            return function(*each)
        except threading.BrokenBarrierError:
            return LEFT_ALONE
        except BaseException as error:
            barrier.abort()
            return error
        finally:
            connections.close_all()

    try:
        if warm_up is not None:
            function(*warm_up)
        with ThreadPoolExecutor(len(arguments)) as pool:
            sender.send([as_sent(result) for result in pool.map(one, arguments)])
    except BaseException as error:  # the parent must hear of it, whatever it is
        sender.send([as_sent(error)])


def as_sent(result: Any) -> Any:
    """An error in a form that can be pickled, whatever it holds."""
    return RuntimeError(f"{type(result).__name__}: {result}") if isinstance(result, BaseException) else result
