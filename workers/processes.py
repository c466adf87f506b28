"""The platform's processes, their order, arguments and environment; how they are kept alive is elsewhere."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trading import metrics_store
from workers import readiness, redis_server
from workers.supervisor import Service

PYTHON = sys.executable
POLITE = (
    *("sh", "-c", 'echo 10 2>/dev/null > /proc/self/autogroup; exec nice -n 10 "$@"'),
    "polite",
)
"""A Scout run takes minutes of processor time; no signal may wait for it.

Where Linux shares processors between sessions first (sched(7), autogroup), a process's own niceness counts
within its session only, and every child of the supervisor has one of its own.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Where one platform lives: its directories, addresses and outside environment.

    `sandbox_url` is empty when the outside world is real; `redis_socket` is None when `outside`
    names a Redis of its own. `sandbox_options` are added to the sandbox's command line and win there.
    """

    mode: str
    data_dir: Path
    runtime_dir: Path
    web_port: int
    ingress_port: int
    sandbox_port: int | None
    redis_socket: Path | None
    sandbox_options: tuple[str, ...] = ()

    @property
    def metrics_dir(self) -> Path:
        """Where all processes count together, for as long as the platform runs."""
        return self.runtime_dir / "metrics"

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def ingress_url(self) -> str:
        return f"http://127.0.0.1:{self.ingress_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}" if self.sandbox_port else ""

    def addresses(self) -> dict[str, str]:
        """What another terminal must know to find this platform: the lines of run.env."""
        found = {
            "WEB_URL": self.web_url,
            "INGRESS_URL": self.ingress_url,
            "SANDBOX_URL": self.sandbox_url,
            "REDIS_URL": f"unix://{self.redis_socket}" if self.redis_socket else "",
        }
        return {name: value for name, value in found.items() if value}

    def environment(self, outside: Mapping[str, str]) -> dict[str, str]:
        """The environment of every process: what we got, and this platform's own places on top."""
        return {
            **outside,
            "CHIMERA_MODE": self.mode,
            "CHIMERA_DATA_DIR": str(self.data_dir),
            "RUNTIME_DIR": str(self.runtime_dir),
            metrics_store.VARIABLE: str(self.metrics_dir),
            "DJANGO_SETTINGS_MODULE": "chimera_site.settings",
            "PYTHONUNBUFFERED": "1",
            **self.addresses(),
        }


def services(wiring: Wiring, *, outside: Mapping[str, str] = os.environ) -> list[Service]:
    """All processes of a platform, infrastructure first."""
    env = wiring.environment(outside)
    found = [*_infrastructure(wiring, env=env)]
    after = tuple(service.name for service in found)
    return [*found, *_doors(wiring, env=env, after=after), *_daemons(wiring, env=env, after=after)]


def chosen(found: Sequence[Service], *, names: Collection[str]) -> list[Service]:
    """Only the services with these names, which then wait for each other only."""
    return [
        replace(service, after=tuple(name for name in service.after if name in names))
        for service in found
        if service.name in names
    ]


def twin(service: Service, *, name: str, runtime_dir: Path) -> Service:
    """A second process of the same kind. It has a runtime directory of its own, where its sockets are."""
    env = {**service.env, "RUNTIME_DIR": str(runtime_dir), "CHIMERA_PROCESS": name}
    return replace(service, name=name, env=env)


def _infrastructure(wiring: Wiring, *, env: Mapping[str, str]) -> list[Service]:
    found = []
    if wiring.redis_socket:
        found.append(
            Service(
                name="redis",
                argv=redis_server.command(socket_path=wiring.redis_socket),
                env=env,
                ready=readiness.redis(wiring.redis_socket),
            )
        )
    if wiring.sandbox_port:
        found += [_sandbox(wiring, env=env), _seed(env=env)]
    return found


def _sandbox(wiring: Wiring, *, env: Mapping[str, str]) -> Service:
    return Service(
        name="sandbox",
        argv=(
            *(PYTHON, "-m", "workers.sandbox"),
            *("--data-dir", str(wiring.data_dir / "sandbox")),
            *("--port", str(wiring.sandbox_port)),
            *("--mode", "slot"),
            *("--webhook-url", f"{wiring.ingress_url}/api/v1/webhook"),
            *("--webhook-secret-file", str(wiring.data_dir / "webhook_secret")),
            *wiring.sandbox_options,
        ),
        env=env,
        ready=readiness.http(f"{wiring.sandbox_url}/sandbox/health"),
    )


def _seed(*, env: Mapping[str, str]) -> Service:
    return Service(
        name="seed", argv=_manage("seed_sandbox"), env=env, after=("sandbox",), once=True
    )


def _doors(wiring: Wiring, *, env: Mapping[str, str], after: tuple[str, ...]) -> list[Service]:
    """The two processes that listen: signals at the ingress, people at the web."""
    return [
        Service(
            name="ingress",
            argv=_manage("ingress", "--port", str(wiring.ingress_port)),
            env={**env, "CHIMERA_PROCESS": "ingress"},
            after=after,
            ready=readiness.http(f"{wiring.ingress_url}/health"),
        ),
        Service(
            name="web",
            argv=(
                *(PYTHON, "-m", "daphne", "--verbosity", "0"),
                *("-b", "127.0.0.1", "-p", str(wiring.web_port)),
                "chimera_site.asgi:application",
            ),
            env={**env, "CHIMERA_PROCESS": "web"},
            after=after,
            ready=readiness.http(f"{wiring.web_url}/health"),
        ),
    ]


def _daemons(wiring: Wiring, *, env: Mapping[str, str], after: tuple[str, ...]) -> list[Service]:
    """The processes that show themselves by heartbeats. No pool that forks: a fork would not be ours."""
    celery = (PYTHON, "-m", "celery", "--quiet", "-A", "chimera_site")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    arguments = {
        "executor": _manage("executor"),
        "resolver": _manage("resolver"),
        "watcher": _manage("exit_watcher"),
        "wallet_watcher": _manage("wallet_watcher"),
        "worker": (*POLITE, *celery, "worker", "--pool", "threads", "--concurrency", "2", *quiet),
        "beat": (*POLITE, *celery, "beat", "--pidfile="),
    }
    return [
        Service(
            name=name,
            argv=argv,
            env={**env, "CHIMERA_PROCESS": name},
            after=after,
            ready=readiness.heartbeat(name),
        )
        for name, argv in arguments.items()
    ]


def _manage(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "manage.py", *arguments)
