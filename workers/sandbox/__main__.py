"""`python -m workers.sandbox`: opens the chain, generates its history, serves the one port."""

import gc
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn

from workers.sandbox.app import App
from workers.sandbox.chain import Chain
from workers.sandbox.cluster import Cluster
from workers.sandbox.direct_http import DirectHttp
from workers.sandbox.options import Options, UnsafeOptions, read_options
from workers.sandbox.progress import ProgressBar
from workers.sandbox.saved import UnableToContinue
from workers.sandbox.world import World

log = logging.getLogger("workers.sandbox")
_DAY_SECONDS = 86_400
_KEEP_ALIVE_SECONDS = 75
"""As long as nodes behind a proxy keep idle connections, so pooled clients find theirs open."""


class Server(uvicorn.Server):
    """Tells where it listens, in the log and in the data directory's `url` file, once it does."""

    def __init__(self, config: uvicorn.Config, *, url: str, url_file: Path) -> None:
        super().__init__(config)
        self._url = url
        self._url_file = url_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            unfinished = self._url_file.with_suffix(".new")
            unfinished.write_text(self._url)
            unfinished.rename(self._url_file)
            log.info("SANDBOX chain, not mainnet, at %s", self._url)


def open_cluster(options: Options) -> Cluster:
    """The chain and its world, history complete, planes wired."""
    options.data_dir.mkdir(parents=True, exist_ok=True)
    history_seconds = int(options.history_days * _DAY_SECONDS)
    genesis_time = options.genesis_time
    if genesis_time is None:
        genesis_time = int(time.time()) - history_seconds
    chain = Chain.open(
        options.data_dir / "chain.sqlite3",
        seed=options.seed,
        mode=options.mode,
        slot_ms=options.slot_ms,
        genesis_time=genesis_time,
    )
    world = World.open(
        chain,
        seed=options.seed,
        history_days=options.history_days,
        tempo=options.tempo,
        has_leaders=options.has_leaders,
        extra_tokens=options.extra_tokens,
    )
    if not world.is_ready:
        with ProgressBar("history", stream=sys.stderr) as bar:
            world.generate(bar.show)
    is_dated = options.genesis_time is not None
    world.resume(chain.unix_time if is_dated else time.time())
    webhook = (options.webhook_url, options.webhook_secret) if options.webhook_url else None
    return Cluster.assemble(chain, world, seed=options.seed, webhook=webhook)


def serve(options: Options) -> None:
    """Listen until SIGINT or SIGTERM; every slot is stored as it closes."""
    url_file = options.data_dir / "url"
    url_file.unlink(missing_ok=True)
    cluster = open_cluster(options)
    _spare_the_world()
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        host = f"[{options.host}]" if family is socket.AF_INET6 else options.host
        config = uvicorn.Config(
            App(cluster),
            loop="uvloop",
            http=DirectHttp,
            ws="websockets-sansio",
            lifespan="on",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            ws_ping_interval=None,
        )
        url = f"http://{host}:{listener.getsockname()[1]}"
        try:
            Server(config, url=url, url_file=url_file).run(sockets=[listener])
        finally:
            url_file.unlink(missing_ok=True)


def _spare_the_world() -> None:
    """Keep what was built at the start out of garbage collection: looking through it all is a pause
    of many milliseconds, every time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main() -> int:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        options = read_options(sys.argv[1:], os.environ)
    except UnsafeOptions as error:
        log.error("refusing to start: %s", error)
        return 2
    # uvicorn raises the signal again after its own shutdown.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        serve(options)
    except UnableToContinue as error:
        log.error("refusing to start: %s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
