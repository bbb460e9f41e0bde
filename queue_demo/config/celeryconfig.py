"""Celery's settings. Each prevents one way to lose, block or repeat a task. See docs.celeryq.dev, "Configuration"."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from fulfilment.messaging import topology
from patterns.messaging.reliable_task import SETTINGS, reliable_queue

if not settings.RABBITMQ_URL:
    raise ImproperlyConfigured("RABBITMQ_URL is not set: Celery would use any broker on localhost")

broker_url = settings.RABBITMQ_URL
broker_connection_timeout = 3

# what a reliable task needs of its app
globals().update(SETTINGS)

task_queues = [
    reliable_queue(topology.TASKS, dead_letters=topology.DEAD_LETTERS, delivery_limit=topology.TASK_DELIVERY_LIMIT),
]
task_default_queue = task_default_exchange = task_default_routing_key = topology.TASKS
# a task that hands on to the next one waits for the broker, up to its own time limit; given up, it would be a dead letter
task_publish_retry_policy = {"max_retries": None, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 5}
task_ignore_result = True
worker_send_task_events = settings.TASK_EVENTS

# one clock too many does no harm: each period is claimed by a row (patterns/messaging/once_per_period/)
NOT_LATER = {"expires": settings.RESTOCK_SECONDS}  # what piled up while no worker ran is one restock, not many
RECONCILE_SECONDS = settings.RECONCILE_AFTER_SECONDS / 2
beat_schedule = {
    "restock": {"task": "fulfilment.tasks.restock", "schedule": settings.RESTOCK_SECONDS / 2, "options": NOT_LATER},
    "reconcile": {
        "task": "fulfilment.tasks.reconcile",
        "schedule": RECONCILE_SECONDS,
        "options": {"expires": settings.RECONCILE_AFTER_SECONDS},
    },
}
beat_scheduler = "celery.beat:Scheduler"  # keeps no file: after a restart it begins anew, and the claim knows what was done

task_serializer = "json"
accept_content = ["json"]  # unpickling runs what the sender wants
