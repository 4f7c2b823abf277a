"""RabbitMQ: push jobs on their way to the workers."""

from __future__ import annotations

import logging
import signal
import subprocess
from typing import Dict, List

from .daemon import Daemon
from .engine import STOP_TIMEOUT_SECONDS, Engine
from .failure import EnginesFailed
from .folder import Folder
from .ports import RABBITMQ, RABBITMQ_DISTRIBUTION, RABBITMQ_EPMD

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one on the PATH lets only root and its own user in
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"

CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"

# The user and its virtual host are made when the node starts with an empty database, in place of `guest`.
SETTINGS = """
listeners.tcp.1 = 127.0.0.1:{port}
default_vhost = parley
default_user = parley
default_pass = {password}
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 64MiB
log.console = true
log.console.level = info
log.file = false
"""


# In Erlang, since a virtual host and the permissions on it are two commands, and each takes its time to start.
MAKE_VHOST = """
Name = <<"{name}">>, All = <<".*">>,
ok = rabbit_vhost:add(Name, <<"tests">>),
ok = rabbit_auth_backend_internal:set_permissions(<<"parley">>, Name, All, All, All, <<"tests">>).
"""


class RabbitMQ(Engine):
    name = "rabbitmq"
    title = "RabbitMQ"
    variable = "PARLEY_AMQP_URL"
    system_user = "rabbitmq"

    def __init__(self, folder: Folder, base_port: int):
        super().__init__(folder, base_port)
        # The register of Erlang nodes. Our own: the machine's would know nodes of other sets by the same name, and the one
        # that Erlang starts by itself would outlive us.
        self._epmd = Daemon(folder.record("epmd"), self.folder / "epmd.log")

    @property
    def ports(self) -> List[int]:
        return [self.base_port + RABBITMQ, self.base_port + RABBITMQ_DISTRIBUTION]

    @property
    def url(self) -> str:
        return f"amqp://parley:{self.passwords[self.name]}@127.0.0.1:{self.port}/parley"

    def fresh_url(self, name: str) -> str:
        done = subprocess.run(
            [CONTROL, "eval", MAKE_VHOST.format(name=name)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **self.user.for_subprocess)
        if done.returncode != 0:
            raise EnginesFailed(f"the virtual host {name} could not be made:\n{done.stdout}")
        return self.url.removesuffix("parley") + name

    def prepare(self) -> None:
        settings = SETTINGS.format(port=self.port, password=self.passwords[self.name])
        self.write(self.folder / "rabbitmq.conf", settings)
        self.write(self.folder / "advanced.config", "[].\n")
        self.write(self.folder / "enabled_plugins", "[].\n")
        self.write(self.folder / ".erlang.cookie", self.passwords["erlang cookie"], mode=0o400)
        if self._epmd.pid is None:
            self.require_free([self._epmd_port])
            command = ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd.start(command, self.environment, self.folder, self.user)

    @property
    def command(self) -> List[str]:
        return [PROGRAM]

    @property
    def environment(self) -> Dict[str, str]:
        def here(name: str) -> str:
            return str(self.folder / name)

        return {
            **super().environment,
            "RABBITMQ_NODENAME": "parley@localhost",  # not the machine's name, which may change and need not resolve
            "RABBITMQ_DIST_PORT": str(self.base_port + RABBITMQ_DISTRIBUTION),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +A 8 -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": here("rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": here("advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": here("enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": here("rabbitmq-env.conf"),  # there is none: the machine's must not be read
            "RABBITMQ_MNESIA_BASE": here("data"),
            "RABBITMQ_LOG_BASE": here("logs"),
            "RABBITMQ_GENERATED_CONFIG_DIR": here("generated"),
            "RABBITMQ_SCHEMA_DIR": here("schema"),
            "RABBITMQ_PID_FILE": here("pid"),
            "ERL_CRASH_DUMP": here("crash.dump"),
            # Otherwise a shell stays in between, which would be the one that signals hit.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def make_ready(self) -> None:
        import pika

        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it would tell of every attempt that comes too early
        parameters = pika.URLParameters(self.url)
        parameters.connection_attempts = 1
        parameters.socket_timeout = parameters.stack_timeout = 5
        pika.BlockingConnection(parameters).close()

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` says, which alone can make users; raises with the reason when it fails."""
        done = subprocess.run(
            [CONTROL, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **self.user.for_subprocess)
        if done.returncode != 0:
            raise EnginesFailed(f"rabbitmqctl {arguments[0]} failed:\n{done.stdout}")
        return done.stdout

    def down(self) -> bool:
        was_running = super().down()
        self._epmd.stop(signal.SIGTERM, STOP_TIMEOUT_SECONDS)
        return was_running

    @property
    def _epmd_port(self) -> int:
        return self.base_port + RABBITMQ_EPMD
