"""The named errors every gateway raises and the addresses it is given; nothing here does I/O."""

from dataclasses import dataclass


class GatewayError(Exception):
    """Something outside did not give what was asked for; no other error leaves a gateway.

    The text names the host at most: never a path, a query or a key.
    """


class Unavailable(GatewayError):
    """No answer that counts: connection, time-out, 401, 403, 404, 5xx, a node that is behind.

    For anything that was sent this means *unknown*: it may have arrived.
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class RateLimited(Unavailable):
    """Too many requests. `retry_after_seconds` is what the other side asked for, if it did."""

    def __init__(
        self, text: str, *, status: int | None = 429, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(text, status=status)
        self.retry_after_seconds = retry_after_seconds


class Refused(GatewayError):
    """The other side understood and said no: a proof that *this* request changed nothing.

    `code` is the JSON-RPC code, the provider's own code or the HTTP status; `message` is theirs,
    shortened and without secrets; `data` is whatever they attached, as parsed.
    """

    def __init__(self, text: str, *, code: int | str, message: str, data: object = None) -> None:
        super().__init__(text)
        self.code = code
        self.message = message
        self.data = data


class InvalidReply(GatewayError):
    """Something came back, but not what was agreed: garbage, a wrong shape, an answer to another
    question. For anything that was sent this means *unknown*.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the outside is. URLs may carry keys in their path or query; errors never show them.

    `rpc_urls` in order of preference. `jito_url`, `jupiter_url` and `dexscreener_url` are the part
    before the provider's own path (`https://api.jup.ag`). Jito serves its tip floor at a host of
    its own: `tip_floor_url` is the whole address, empty = under `jito_url`. With several RPCs
    each is probed every `probe_seconds`; 0 = never, for short-lived commands. One that gave way is
    preferred again after `rpc_well_seconds` without a failure.
    `…_requests_per_second` is this process's share of what the provider allows (of RPCs: of each);
    0 = no limit.
    """

    rpc_urls: tuple[str, ...]
    jito_url: str
    jupiter_url: str
    dexscreener_url: str
    jupiter_api_key: str = ""
    jupiter_requests_per_second: float = 0.0
    dexscreener_requests_per_second: float = 0.0
    rpc_requests_per_second: float = 0.0
    jito_requests_per_second: float = 0.0
    jito_auth: str = ""
    tip_floor_url: str = ""
    timeout_seconds: float = 4.0
    connect_timeout_seconds: float = 1.5
    probe_seconds: float = 5.0
    rpc_well_seconds: float = 300.0
    reply_limit_bytes: int = 16 * 1024 * 1024
