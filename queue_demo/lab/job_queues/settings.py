"""Django Tasks with its database backend, and Procrastinate. SIDE is naive (the quickstarts) or solved."""

import environ

env = environ.Env()
SECRET_KEY = env("SECRET_KEY")
DATABASES = {"default": env.db("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
INSTALLED_APPS = [
    "patterns.messaging.inbox",
    "django_tasks",
    "django_tasks_db",
    "procrastinate.contrib.django",
]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
PROCRASTINATE_IMPORT_PATHS = ["lab.job_queues.jobs"]
PROCRASTINATE_WORKER_DEFAULTS = {"fetch_job_polling_interval": 0.5}
if env("SIDE", default="naive") == "solved":  # in production 10 and 30, the defaults; so that nobody waits for it here
    PROCRASTINATE_WORKER_DEFAULTS |= {"update_heartbeat_interval": 0.3, "stalled_worker_timeout": 1}
LOGGING_CONFIG = None
