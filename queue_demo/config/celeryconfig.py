"""Celery's settings. Each stands for a way in which tasks get lost, stuck or doubled; see docs.celeryq.dev, "Configuration"."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from fulfilment import topology

if not settings.RABBITMQ_URL:
    raise ImproperlyConfigured("RABBITMQ_URL is missing: Celery needs a broker, and would otherwise look for any on localhost")

broker_url = settings.RABBITMQ_URL
broker_connection_timeout = 3
broker_heartbeat = 10
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # an outage ends when it ends
broker_transport_options = {
    "confirm_publish": True,
    # a broker with a memory alarm reads nothing: without these a publish waits for ever
    "read_timeout": 3,
    "write_timeout": 3,
}

task_queues = {
    topology.TASKS: {
        "exchange": topology.TASKS,
        # delayed delivery (ETA, retries) on quorum queues cannot route through a direct exchange
        "exchange_type": "topic",
        "routing_key": topology.TASKS,
        # a classic queue would give a task that kills its worker back for ever
        "queue_arguments": topology.quorum(topology.TASKS, delivery_limit=topology.TASK_DELIVERY_LIMIT),
    }
}
task_default_queue = task_default_exchange = task_default_routing_key = topology.TASKS
task_default_exchange_type = "topic"
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0}  # the consumer tries again itself, and may be told to stop

task_acks_late = True  # a worker that dies has acknowledged nothing
task_reject_on_worker_lost = True  # neither has one whose child is killed
task_acks_on_failure = False  # a task that raises goes to the dead letters, not to nowhere
task_ignore_result = True
worker_prefetch_multiplier = 1  # a crash must not count against tasks that only waited behind it
worker_detect_quorum_queues = True  # they know no global QoS
worker_cancel_long_running_tasks_on_connection_loss = True  # their messages are redelivered anyway
worker_enable_remote_control = False  # its queues are transient; health is ALIVE_FILE's age

task_serializer = "json"
accept_content = ["json"]  # unpickling runs what the sender wants
