"""A queue with all that belongs to it, declared in one place: its retries, its delivery limit, its dead letters.

Problem         Each program declares what it needs when it needs it: the dead-letter exchange exists on one machine and not
                on the other (where refused messages vanish without a word), and two programs that declare a queue with other
                arguments are both thrown out (406).
Guarantee       After `WorkQueue(…).declare(channel)`, however often and by whomever: the queue survives a broker's crash
                (quorum); a message that was delivered `delivery_limit` + 1 times and never acknowledged (its consumer dies
                each time) goes to the dead-letter queue, and so does one that is rejected; what is put into a delay queue
                comes back when its delay is over. Dead letters are kept, however often somebody looks at them.
Not guaranteed  A change of arguments: RabbitMQ refuses it for a queue that exists (406). Declare one of another name, and
                move the messages. That a dead letter arrives: RabbitMQ moves it without a confirm, and a crash of the broker
                at that moment can lose it.
Cost            Two queues, and one for each delay. Quorum queues write to disk.
Use instead     A policy of the broker (`rabbitmqctl set_policy`) for limits and dead letters that operators change without a
                deploy; Celery's `task_queues`, for Celery's queues. From RabbitMQ 4.0 `x-delivery-limit` has a default of 20;
                before, there is none.

Source: rabbitmq.com/docs/quorum-queues, "Poison message handling"; rabbitmq.com/docs/dlx; rabbitmq.com/docs/ttl.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

# RabbitMQ 4 gives each quorum queue a limit of 20, and drops what exceeds it: looking at dead letters must not remove them
KEPT = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


@dataclass(frozen=True)
class WorkQueue:
    """`name` is bound to the topic exchange `exchange` for `routing_keys`. `delays_seconds` are the pauses before each retry."""

    name: str
    exchange: str
    routing_keys: Sequence[str]
    delivery_limit: int = 3
    delays_seconds: Sequence[float] = (1, 10, 60)

    @property
    def dead(self) -> str:
        return f"{self.name}.dead"

    def delay(self, retry: int) -> str:
        """The queue in which a message waits before its retry of this number; the first is 0."""
        return f"{self.name}.retry-{round(self.delays_seconds[retry] * 1000)}ms"

    def arguments(self) -> dict[str, Any]:
        # dead letters go through the default exchange, straight to the queue of that name: an exchange less to be missing
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": self.delivery_limit,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead,
        }

    def declare(self, channel: BlockingChannel) -> None:
        """The dead-letter queue first: from the moment when there is a queue, there is a place for what it gives up."""
        channel.queue_declare(self.dead, durable=True, arguments=KEPT)
        for retry, seconds in enumerate(self.delays_seconds):
            # one queue a delay: a queue lets only its first message expire, so one with mixed delays would hold the short ones back
            back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.name, "x-message-ttl": round(seconds * 1000)}
            channel.queue_declare(self.delay(retry), durable=True, arguments=KEPT | back)
        channel.exchange_declare(self.exchange, "topic", durable=True)
        channel.queue_declare(self.name, durable=True, arguments=self.arguments())
        for key in self.routing_keys:
            channel.queue_bind(self.name, self.exchange, key)
