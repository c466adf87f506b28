"""A signal as a provider sends it: body and signed headers. Sends nothing by itself."""

import base64
import shlex
from dataclasses import dataclass
from enum import StrEnum

from trading.hmac_auth import sign, sign_standard

FIELDS = (
    "strategy", "token", "token_address", "action", "amount_sol", "wallet_address", "trade_uuid",
    "exit_fraction", "source_signature",
)  # fmt: skip


class Scheme(StrEnum):
    """How a request is signed (specification §3)."""

    CHIMERA = "chimera"
    STANDARD_WEBHOOKS = "standard-webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One request, ready to go; sent twice it is a replay."""

    body: bytes
    headers: dict[str, str]

    def as_lines(self, url: str) -> list[str]:
        """Headers and body, then a curl command that sends exactly this; nothing of the secret."""
        told = [f"{name}: {value}" for name, value in self.headers.items()]
        flags = "".join(f" \\\n  -H {shlex.quote(line)}" for line in told)
        body = self.body.decode()
        curl = f"curl -X POST {shlex.quote(url)}{flags} \\\n  -d {shlex.quote(body)}"
        return [*told, "", body, "", curl, ""]


def sealed(body: bytes, *, secret: str, scheme: Scheme, timestamp: int, identifier: str) -> Letter:
    """The body with the headers of its scheme; `identifier` names the message in Standard Webhooks."""
    headers = {"Content-Type": "application/json"}
    if scheme is Scheme.CHIMERA:
        signature = sign(secret=secret, timestamp=str(timestamp), body=body)
        headers |= {"X-Timestamp": str(timestamp), "X-Signature": signature}
    else:
        signature = sign_standard(
            secret=secret, identifier=identifier, timestamp=str(timestamp), body=body
        )
        headers |= {
            "webhook-id": identifier,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,{signature}",
        }
    return Letter(body=body, headers=headers)


def another(secret: str) -> str:
    """A secret of the same kind that is not this one."""
    if not secret.startswith("whsec_"):
        return f"{secret}, but not quite"
    return f"whsec_{base64.b64encode(b'not ' + secret.encode()).decode()}"
