"""What a provider is told of a request."""

from dataclasses import dataclass, field

RETRY_LATER = {429: 1, 503: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider is told (specification §3). `code` is empty when accepted."""

    http_status: int
    code: str = ""
    trade_uuid: str = ""
    state: str = ""
    details: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The word in the body."""
        return "rejected" if self.code else "accepted"

    @property
    def retry_after_seconds(self) -> int | None:
        """When the same request may be sent again, where that makes sense."""
        return RETRY_LATER.get(self.http_status)
