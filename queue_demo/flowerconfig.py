"""Flower's settings: `celery -A config flower` reads this file. HOST and PORT say where it listens."""

import os

address = os.environ.get("HOST", "127.0.0.1")
port = int(os.environ.get("PORT", "8065"))
basic_auth = [os.environ["FLOWER_LOGIN"]]  # name:password; without one it does not start: it shows the arguments of every task
max_tasks = 2_000  # kept in memory
inspect_timeout = 100.0  # milliseconds; the workers do not answer, see worker_enable_remote_control in patterns/messaging/reliable_task
