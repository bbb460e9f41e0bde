"""What the experiment runs: `python -m lab.job_queues ACTION`, from the demo's folder."""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import django
from django.core.management import call_command, execute_from_command_line
from django.db import connection, transaction


def main(action: str, *arguments: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "lab.job_queues.settings"
    if action in ("db_worker", "procrastinate"):
        with Path(os.devnull).open("w") as sys.stderr:  # what the workers say when they start
            execute_from_command_line(["manage.py", action, *arguments])
        return
    django.setup()
    from lab.job_queues.flow import JOBS, STALLED_SECONDS
    from lab.job_queues.jobs import invoice_job, invoice_task, put_back

    if action == "enqueue":
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs, django_tasks_database_dbtaskresult CASCADE")
        for number in range(JOBS + 1):
            with transaction.atomic():  # and the order is saved in it
                invoice_task.enqueue(number)
                invoice_job.defer(number=number)
    elif action == "reap":
        while True:
            put_back(timedelta(seconds=STALLED_SECONDS))
            time.sleep(0.2)


main(*sys.argv[1:])
