"""Benchmarks: the relay against bare pika, the inbox against a bare INSERT, orders with more workers."""

import contextlib
import functools
import json
import os
import uuid
from collections.abc import Iterator, Mapping

import pika
from celery import Celery
from django.db import connection, transaction
from django.utils import timezone
from pika.adapters.blocking_connection import BlockingChannel

from fulfilment.models import Order, Product
from fulfilment.services import place_order
from lab import Corner, bench_no_broker, corner, worker
from lab.job_queues.flow import JOBS
from labkit.bench import Benchmark, Work
from labkit.processes import wait_until
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.outbox.relay import Relay
from patterns.messaging.publisher import Publisher
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

BACKLOG = 60_000  # what a minute without a broker leaves of a thousand orders a second
MESSAGES, BATCH = 200_000, 50
ORDERS = 50
RELAYED, HISTORY = 100, 2_000_000
BARE, RELAY = "constant bytes published, a confirm each", "the relay, 100 a batch"


# --- the relay --------------------------------------------------------------------------------------


def fill_outbox(*, published: int = 0, aggregate: str = "'order/' || n") -> None:
    """A backlog behind so many published events; the planner's statistics know only those."""
    row = {"order_id": str(uuid.uuid4()), "lines": [{"sku": "SKU-000001", "quantity": 1}]}
    body = json.dumps({"specversion": "1.0", "data": row})
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outbox_outboxevent")
        for rows, published_at, of in ((published, "now()", "'order/' || n"), (BACKLOG, "NULL", aggregate)):
            cursor.execute(
                "INSERT INTO outbox_outboxevent (event_id, aggregate, routing_key, payload, created_at, published_at, refusals, refusal)"  # noqa: S608
                f" SELECT gen_random_uuid(), {of}, 'order.placed', %s, now(), {published_at}, 0, '' FROM generate_series(1, %s) AS n",
                [body, rows],
            )
            if published_at != "NULL":
                cursor.execute("VACUUM ANALYZE outbox_outboxevent")


def relay_batch(publisher: Publisher, relay: Relay) -> None:
    publisher.rest(0.001)  # the others' turn may have been longer than the heartbeat
    published = 0
    for _ in range(3):  # a round over all aggregates may end in between
        batch = relay.run_once()
        published += batch.published
        if published >= relay.batch_size:
            return
    raise RuntimeError(f"{batch}: the backlog is too small, or the broker is unavailable")


def publish_constant_bytes(publisher: Publisher) -> None:
    body = json.dumps({"data": {"order_id": str(uuid.uuid4()), "padding": "x" * 100}}).encode()
    publisher.rest(0.001)
    for number in range(RELAYED):
        publisher.publish("order.placed", body, str(number))


@contextlib.contextmanager
def relays(*, published: int = 0, aggregate: str = "'order/' || n") -> Iterator[Mapping[str, Work]]:
    fill_outbox(published=published, aggregate=aggregate)
    with corner() as here, contextlib.ExitStack() as stack:
        queue = here.queue("events", **{"x-max-length": 10_000})  # the oldest are dropped: nobody reads here
        bare, relayed = (stack.enter_context(contextlib.closing(Publisher(here.url, queue))) for _ in range(2))
        yield {
            BARE: functools.partial(publish_constant_bytes, bare),
            RELAY: functools.partial(relay_batch, relayed, Relay(relayed.publish, batch_size=RELAYED)),
        }


@contextlib.contextmanager
def loads() -> Iterator[Mapping[str, Work]]:
    """Pieces of work of equal size: so many orders taken, and so many events published, with a minute's backlog behind them."""
    fresh_shop()
    fill_outbox()
    with corner() as here, contextlib.ExitStack() as stack:
        queue = here.queue("events", **{"x-max-length": 10_000})
        publisher = stack.enter_context(contextlib.closing(Publisher(here.url, queue)))
        yield {
            "orders taken by one process": functools.partial(place_orders, RELAYED),
            "their events relayed": functools.partial(relay_batch, publisher, Relay(publisher.publish, batch_size=RELAYED)),
        }


def place_orders(count: int) -> None:
    for _ in range(count):
        place_order(quantities={"SKU-000001": 1}, correlation_id="bench")


# --- the inbox --------------------------------------------------------------------------------------


def insert_and_commit(messages: list[str]) -> None:
    for message in messages:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_effect VALUES (%s)", [message])


def inbox_each(messages: list[str]) -> None:
    for message in messages:
        with transaction.atomic(), connection.cursor() as cursor:
            if Inbox.objects.new(consumer="bench", message_ids=[message]):
                cursor.execute("INSERT INTO bench_effect VALUES (%s)", [message])


def one_statement(messages: list[str]) -> None:
    """Effect and id in one statement, which is its own transaction: no round trip for BEGIN and COMMIT."""
    connection.ensure_connection()
    for message in messages:
        # prepared: planned once, as a process that does nothing else can afford
        connection.connection.execute(
            "WITH new AS (INSERT INTO inbox_inbox (consumer, message_id, received_at) VALUES ('bench', %s, now())"
            " ON CONFLICT DO NOTHING RETURNING message_id) INSERT INTO bench_effect SELECT message_id FROM new",
            [message],
            prepare=True,
        )


def inbox_batch(messages: list[str]) -> None:
    """A batch is one transaction. `new` names an id that stands in it twice once, and so does the effect."""
    with transaction.atomic(), connection.cursor() as cursor:
        new = Inbox.objects.new(consumer="bench", message_ids=messages)
        cursor.execute("INSERT INTO bench_effect SELECT unnest(%s::text[])", [sorted(new)])


def consume(channel: BlockingChannel, queue: str, handle: "functools.partial[None]", in_batches: bool) -> None:
    """Fifty messages, each acknowledged when its effect is committed; a batch by its last."""
    messages: list[str] = []
    for method, properties, _ in channel.consume(queue, inactivity_timeout=5):
        if method is None:
            raise RuntimeError("the queue is empty: more messages, please")
        messages.append(properties.message_id)
        if not in_batches:
            handle(messages[-1:])
            channel.basic_ack(method.delivery_tag)
        if len(messages) == BATCH:
            if in_batches:
                handle(messages)
                channel.basic_ack(method.delivery_tag, multiple=True)
            return


@contextlib.contextmanager
def inboxes() -> Iterator[Mapping[str, Work]]:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_effect")
        cursor.execute("CREATE TABLE bench_effect (message_id text NOT NULL)")
    ways = {
        "insert and commit, no inbox": (insert_and_commit, False),
        "inbox and effect in one transaction": (inbox_each, False),
        "inbox and effect in one statement": (one_statement, False),
        f"inbox, in batches of {BATCH}": (inbox_batch, True),
    }
    with corner() as here, contextlib.ExitStack() as stack:
        queue = here.queue("messages")
        for number in range(MESSAGES):
            # every tenth comes twice in a row: a batch has repetitions in it
            here.channel.basic_publish("", queue, b"{}", pika.BasicProperties(message_id=f"{number - (number % 10 == 9)}"))
        works: dict[str, Work] = {}
        for label, (handle, in_batches) in ways.items():
            opened = stack.enter_context(contextlib.closing(pika.BlockingConnection(pika.URLParameters(here.url))))
            channel = opened.channel()
            channel.basic_qos(prefetch_count=2 * BATCH)
            works[label] = functools.partial(consume, channel, queue, functools.partial(handle), in_batches)
        yield works


# --- orders from end to end -------------------------------------------------------------------------


def bench_app(name: str) -> Celery:
    """Fulfils in one statement, so that what grows with the workers is Celery's share, not the shop's."""
    app = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(SETTINGS, task_queues=[reliable_queue(name, dead_letters=f"{name}.dead")])
    app.conf.update(task_default_queue=name, task_default_exchange=name, task_default_routing_key=name)

    @app.task(name="fulfil", base=ReliableTask)
    def fulfil(order_id: str) -> None:
        Order.objects.filter(pk=order_id, fulfilled_at=None).update(fulfilled_at=timezone.now())

    return app


def fresh_shop() -> None:
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug 1", "price": "6.90"})


def end_to_end(here: Corner, publisher: Publisher, queue: str, app: Celery) -> None:
    """So many orders: placed, relayed, taken from the queue, handed to Celery, fulfilled."""
    placed = [place_order(quantities={"SKU-000001": 1}, correlation_id="bench").pk for _ in range(ORDERS)]
    relay_batch(publisher, Relay(publisher.publish, batch_size=ORDERS))
    with app.producer_pool.acquire() as producer:
        for _ in range(ORDERS):
            event = json.loads(here.take(queue) or b"{}")
            app.send_task("fulfil", [event["data"]["order_id"]], producer=producer)
    wait_until(lambda: not Order.objects.filter(pk__in=placed, fulfilled_at=None).exists(), timeout_seconds=60, what="the orders")


@contextlib.contextmanager
def workers() -> Iterator[Mapping[str, Work]]:
    fresh_shop()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outbox_outboxevent")
    with corner() as here, contextlib.ExitStack() as stack:
        queue = here.queue("events")
        publisher = stack.enter_context(contextlib.closing(Publisher(here.url, queue)))
        works: dict[str, Work] = {}
        for count in (1, 2, 4):
            name = here.keep(f"tasks{count}")
            here.keep(f"tasks{count}.dead")
            app = bench_app(name)
            with app.connection_for_write() as opened:
                dead_letter_queue(name, dead_letters=f"{name}.dead")(opened.default_channel).declare()  # type: ignore[no-untyped-call]
            at_home = Corner(here.url, name, here.channel)
            stack.enter_context(worker(at_home, bench_app, f"--concurrency={count}"))
            works[f"{count} worker{'s' * (count > 1)}"] = functools.partial(end_to_end, here, publisher, queue, app)
        yield works


benchmarks = {
    "relay": Benchmark(
        question="Events published by the relay, which selects, locks and marks them, beside the publisher alone.",
        baseline=BARE,
        contenders=relays,
        rounds=7,
    ),
    "hot_aggregate": Benchmark(
        question=f"The same, with {BACKLOG:,} waiting events of one aggregate.",
        baseline=BARE,
        contenders=functools.partial(relays, aggregate="'hot'"),
        rounds=7,
    ),
    "history": Benchmark(
        question=f"The same, with {HISTORY:,} published events in the table, and statistics of before the backlog.",
        baseline=BARE,
        contenders=functools.partial(relays, published=HISTORY, aggregate="'hot'"),
        rounds=7,
    ),
    "catching_up": Benchmark(
        question=f"{RELAYED} orders taken, and {RELAYED} events relayed, of {BACKLOG:,} that an outage has left.",
        baseline="orders taken by one process",
        contenders=loads,
        rounds=5,
    ),
    "inbox": Benchmark(
        question=f"{BATCH} messages consumed, a tenth of them repetitions, each with an insert as its effect.",
        baseline="insert and commit, no inbox",
        contenders=inboxes,
        rounds=15,
    ),
    "workers": Benchmark(
        question=f"{ORDERS} orders from end to end: placed, relayed, consumed, handed to Celery, fulfilled.",
        baseline="1 worker",
        contenders=workers,
        rounds=5,
        round_seconds=1.0,
    ),
    "no_broker": Benchmark(
        question=f"{JOBS} jobs drained by one worker, and the memory of what has to run besides PostgreSQL and the web.",
        baseline=bench_no_broker.BROKER,
        contenders=bench_no_broker.ways,
        rounds=3,
        round_seconds=0.1,
    ),
}
