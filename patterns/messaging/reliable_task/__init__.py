"""Reliable Celery task: retried when it or its worker fails, finally dead-lettered.

Problem
    Celery acknowledges a task before it runs: a killed worker loses it. With
    `reject_on_worker_lost`, a task that kills its worker loops forever.

Guarantee
    - A task runs again if its worker process is killed, or at its hard time limit.
    - After `delivery_limit` + 1 deliveries it is dead-lettered.
    - A task that raises is dead-lettered after `max_retries` retries with full jitter.
    - Tries during an outage of database or broker do not count, for six hours.
    - A crash counts only for running tasks. Malformed messages are dead-lettered.
    - After SIGTERM a worker finishes its tasks.

Not guaranteed
    Exactly one run (see inbox). Order. Both limits multiply.

Cost
    Prefetch 1. Quorum queues.

Use instead
    `shared_task`, if losses are fine. Dramatiq, Procrastinate. (Checked 2026-11.)

Source: docs.celeryq.dev. Needs Celery 5.7, RabbitMQ 3.10.

Use
    # your code
    from celery import Celery
    from patterns.messaging.reliable_task import SETTINGS, ReliableTask, reliable_queue

    app = Celery("billing", set_as_current=False)
    queue = reliable_queue("tasks", dead_letters="tasks.dead")
    app.conf.update(SETTINGS, task_queues=[queue])
    app.conf.update(task_default_queue="tasks", task_default_exchange="tasks")

    @app.task(base=ReliableTask, max_retries=3)
    def write_invoice(order_id):
        print("declare dead_letter_queue() when the worker starts")
"""

from typing import Any

from kombu.entity import Exchange, Queue

from .outages import OutlastingTask

# What must be set on the app: `app.conf.update(SETTINGS)`
SETTINGS: dict[str, Any] = {
    "worker_consumer": f"{__name__}.rejecting:RejectingConsumer",
    # tasks that wait in a worker count as delivered when the worker dies
    "worker_prefetch_multiplier": 1,
    "worker_detect_quorum_queues": True,  # they know no global QoS
    # their messages are delivered to others anyway
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    # its queue is exclusive by name: a killed worker may still hold it, and the next one fails
    "worker_enable_remote_control": False,
    "task_default_exchange_type": "topic",  # delayed delivery needs a topic exchange
    # KB; a child grows with each traceback of a failing task, and is replaced between two tasks
    "worker_max_memory_per_child": 200_000,
    "worker_lost_wait": 1,  # seconds to wait for the result of a killed child; the default is 10
    # seconds; an orphaned child keeps a dead worker's connection open, and its messages
    "broker_heartbeat": 10,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # never give up
    "broker_transport_options": {
        "confirm_publish": True,
        # a broker with a memory alarm reads nothing: without these a publish waits for ever
        "read_timeout": 3,
        "write_timeout": 3,
    },
}


class ReliableTask(OutlastingTask):
    """Use as `@app.task(base=ReliableTask)`; the decorator takes each attribute, too."""

    abstract = True
    acks_late = True  # a killed worker has acknowledged nothing
    reject_on_worker_lost = True  # nor has a worker whose child was killed
    acks_on_failure = False  # a failed task is dead-lettered, not dropped
    acks_on_timeout = False  # a task killed by its time limit is requeued, and counts
    ignore_result = True

    soft_time_limit = 30  # seconds; raises SoftTimeLimitExceeded in the task: a failure
    time_limit = 40  # seconds; kills the child

    autoretry_for = (Exception,)
    max_retries = 5
    retry_backoff = 1  # seconds: the bound of the first pause, doubled each time
    retry_backoff_max = 60  # seconds
    retry_jitter = True  # full: tasks that failed together do not return together


def reliable_queue(name: str, *, dead_letters: str, delivery_limit: int = 3) -> Queue:
    """A quorum queue that dead-letters to the exchange `dead_letters`, under its own name.

    It is bound to a topic exchange of its name, with its name as the routing key.
    """
    return Queue(  # type: ignore[no-untyped-call]
        name,
        Exchange(name, "topic"),  # type: ignore[no-untyped-call]
        routing_key=name,
        queue_arguments={
            "x-queue-type": "quorum",  # a classic queue requeues a killer task forever
            "x-delivery-limit": delivery_limit,  # RabbitMQ before 4.0 has none
            "x-dead-letter-exchange": dead_letters,  # RabbitMQ 4.0 drops without one
            "x-dead-letter-routing-key": name,
            # a rejected task leaves the queue when the dead letters have it; needs both
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def dead_letter_queue(queue: str, *, dead_letters: str) -> Queue:
    """Holds the dead letters of `queue`. Declare it before the first task is taken."""
    # RabbitMQ 4 sets a limit of 20: looking at dead letters must not remove them
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
    exchange = Exchange(dead_letters, "topic")  # type: ignore[no-untyped-call]
    return Queue(f"{queue}.dead", exchange, routing_key=queue, queue_arguments=arguments)  # type: ignore[no-untyped-call]
