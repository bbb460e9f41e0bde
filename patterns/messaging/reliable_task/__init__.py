"""A Celery task that survives its worker: killed, too slow or failing, it runs again, and in the end lies where people look.

Problem         Celery acknowledges a task before it runs: a worker that is killed takes its tasks along. `acks_late` alone
                does not help when only the child dies; with `reject_on_worker_lost` too, a task that kills its worker does so
                for ever. And a late task that fails is acknowledged as if it were done, like a message that Celery cannot read.
Guarantee       With `reliable_queue` and SETTINGS: a task whose child or whose worker is killed runs again, and so does one
                that exceeds its hard time limit, on its queue at most `delivery_limit` + 1 times; then its message is in the
                dead-letter queue. A task that raises is tried again after a pause between nothing and a doubling bound (full
                jitter), `max_retries` times; then its message is in the dead-letter queue, too, and so is at once what is no task
                (not JSON, pickled, of an unknown name). A crash counts against no task but those that ran: nothing is
                prefetched beside them. A worker that is told to stop finishes its tasks first.
Not guaranteed  One run. What was done before the crash is done again: put a condition into the UPDATE, or use an inbox.
                Order. A retry is a new message: its deliveries count from 0, so a task that sometimes raises and sometimes
                kills its worker has (max_retries + 1) × (delivery_limit + 1) runs at most.
Cost            A quorum queue writes to disk, on every node of a cluster. Prefetch 1 is a round trip to the broker for each
                task. The worker declares 28 delay levels at its first start, each a queue and an exchange. No `celery
                inspect`: SETTINGS switch it off.
Use instead     Plain `shared_task`, when losing one now and then is fine. Dramatiq, whose defaults are these. Temporal, when
                the work has many steps and takes days.

Needs Celery and kombu 5.7 or newer (`acks_on_failure`; retries on quorum queues), RabbitMQ 3.10 or newer. Sources:
docs.celeryq.dev, "Task", "Using RabbitMQ", "Quorum queues"; rabbitmq.com/docs/quorum-queues, "Poison message handling"; Marc
Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
"""

import logging
from typing import Any

from celery import Task
from celery.worker.consumer import Consumer
from kombu.entity import Exchange, Queue

logger = logging.getLogger(__name__)

# What a task cannot say for itself. `app.conf.update(SETTINGS)`
SETTINGS: dict[str, Any] = {
    "worker_consumer": f"{__name__}:RejectingConsumer",
    "worker_prefetch_multiplier": 1,  # what waits in a worker is counted as delivered when the worker dies
    "worker_detect_quorum_queues": True,  # they know no global QoS
    "worker_cancel_long_running_tasks_on_connection_loss": True,  # their messages are delivered to others anyway
    # the queue for remote control is a worker's own, by name: one that was killed may still hold it, and its successor dies of that
    "worker_enable_remote_control": False,
    "task_default_exchange_type": "topic",  # a retry's pause ends at a topic exchange only
    "worker_lost_wait": 1,  # seconds that a killed child's task waits for a result that may be on its way; the default is 10
    "broker_heartbeat": 10,  # seconds; an orphan child keeps a dead worker's connection open, and its messages with it
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # an outage ends when it ends
    "broker_transport_options": {
        "confirm_publish": True,
        # a broker with a memory alarm reads nothing: without these a publish waits for ever
        "read_timeout": 3,
        "write_timeout": 3,
    },
}


class RejectingConsumer(Consumer):
    """Celery acknowledges what it cannot decode, and it is gone; here it is a dead letter, like every other message that is no task."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        logger.error("not a task: %s", type(exc).__name__)
        message.reject_log_error(logger, self.connection_errors)


class ReliableTask(Task):
    """Use as `@app.task(base=ReliableTask)`. Each attribute can be given to the decorator instead, the time limits should be."""

    abstract = True
    acks_late = True  # a worker that dies has acknowledged nothing
    reject_on_worker_lost = True  # nor has one whose child was killed
    acks_on_failure = False  # a task that failed goes to the dead letters, not to nowhere
    acks_on_timeout = False  # one that was killed for its slowness goes back, and counts
    ignore_result = True

    soft_time_limit = 30  # seconds; raises SoftTimeLimitExceeded in the task, which is then a failure like any other
    time_limit = 40  # seconds; kills the child, if that did not help

    autoretry_for = (Exception,)
    max_retries = 5
    retry_backoff = 1  # seconds: the bound of the first pause, doubled with each further one
    retry_backoff_max = 60  # seconds
    retry_jitter = True  # full: tasks that failed together do not come back together


def reliable_queue(name: str, *, dead_letters: str, delivery_limit: int = 3) -> Queue:
    """A queue that survives a broker's crash, and gives a message up to the exchange `dead_letters` after `delivery_limit` + 1 deliveries.

    Routed by its name, through a topic exchange of its name. The dead letter's routing key is the queue's name.
    """
    return Queue(  # type: ignore[no-untyped-call]
        name,
        Exchange(name, "topic"),  # type: ignore[no-untyped-call]
        routing_key=name,
        queue_arguments={
            "x-queue-type": "quorum",  # a classic one would give a task that kills its worker back for ever
            "x-delivery-limit": delivery_limit,  # RabbitMQ before 4.0 has none
            "x-dead-letter-exchange": dead_letters,  # RabbitMQ from 4.0 drops what exceeds the limit, if there is none
            "x-dead-letter-routing-key": name,
        },
    )


def dead_letter_queue(queue: str, *, dead_letters: str) -> Queue:
    """Where `queue`'s dead letters are kept. Declare it before the first task is taken: without a queue they vanish."""
    # RabbitMQ 4 gives each quorum queue a limit of 20: looking at dead letters must not remove them
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
    exchange = Exchange(dead_letters, "topic")  # type: ignore[no-untyped-call]
    return Queue(f"{queue}.dead", exchange, routing_key=queue, queue_arguments=arguments)  # type: ignore[no-untyped-call]
