"""A RabbitMQ of the test's own, on free ports: it may be killed, blocked and started again, which the others' must not be."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from labkit.processes import answers, free_port, kill, wait_until

HIDDEN = os.pathsep.join(["/usr/lib/rabbitmq/bin", os.environ.get("PATH", ""), "/usr/sbin"])  # Debian's own wrapper would change the user
PASSWORD = "for-these-tests-only"


class OwnBroker:
    """Keeps its data in `folder`: what was confirmed is there again after `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, epmd, distribution = free_port(), free_port(), free_port()
        self.url = f"amqp://nexus:{PASSWORD}@127.0.0.1:{self.port}/%2F"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"nexus-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"default_user = nexus\ndefault_pass = {PASSWORD}\n"
            "log.console.level = warning\nlog.file = false\n"
        )

    def start(self) -> None:
        argv = [shutil.which("rabbitmq-server", path=HIDDEN) or "rabbitmq-server"]
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(argv, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        wait_until(self.listens, timeout_seconds=90, what="the test's own RabbitMQ")

    def listens(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "broker.log").read_text()[-500:]
        return answers("127.0.0.1", self.port)

    def kill(self) -> None:
        """SIGKILL: it closes no connection and writes nothing down."""
        assert self.process
        kill(self.process)
        self.process.wait(10)
        wait_until(lambda: not answers("127.0.0.1", self.port), timeout_seconds=10, what="the port to be free")

    def set_memory_alarm(self, on: bool) -> None:
        """Returns when the alarm is on, and publishers are blocked; or off."""
        argv = [shutil.which("rabbitmqctl", path=HIDDEN) or "rabbitmqctl", "set_vm_memory_high_watermark", "0.000001" if on else "0.9"]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, timeout=60)

    def stop(self) -> None:
        """As a package update does it: everything is on the disk."""
        assert self.process
        argv = [shutil.which("rabbitmqctl", path=HIDDEN) or "rabbitmqctl", "shutdown"]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, timeout=120)
        self.process.wait(60)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            kill(self.process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
            self.kill()
        # Erlang's port mapper outlives its last node, in a session of its own
        subprocess.run(["epmd", "-kill"], env=self.environment, capture_output=True, timeout=10, check=False)
