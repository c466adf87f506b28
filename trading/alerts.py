"""The door for alerts in other people's shapes (TradingView's and alike): a secret in the body, no signature."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from trading import metrics
from trading.domain.addresses import Network, client_address, is_within
from trading.domain.alerts import read_alert, secret_in, without_secret
from trading.domain.signals import SignalInvalid, SignalRequest, parse_object
from trading.hmac_auth import Caller
from trading.reception import (
    BODY_LIMIT_BYTES,
    STORAGE_UNAVAILABLE,
    TOO_LARGE,
    UNAUTHENTICATED,
    Reception,
)
from trading.services.alerts import KnownAlert, known_alerts, turn_away
from trading.services.answers import Answer
from trading.services.deliveries import Request
from trading.writer import StorageUnavailable

log = logging.getLogger("alerts")
MAPPINGS_SECONDS = 1.0


class AlertDoor:
    """Answers alerts by the mapping they name, through the very verb that stores and answers webhooks.

    An alert has no signature and no id of the request: its identity is the signal's own (its `trade_uuid` or,
    without one, its content within five minutes), so a copy is answered as a duplicate.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        clock: Callable[[], datetime],
        trusted: Sequence[Network],
    ) -> None:
        self._reception, self._clock, self._trusted = reception, clock, tuple(trusted)
        self._known: dict[str, KnownAlert] = {}
        self._read_at = -MAPPINGS_SECONDS

    async def answer(self, *, name: str, peer: str, forwarded: str, body: bytes) -> Answer:
        """The answer to one alert; `peer` is who connected. Never raises."""
        try:
            answer = await self._answer(name, peer, forwarded, body)
        except StorageUnavailable as error:
            log.error("an alert could not be stored: %s", error)
            answer = STORAGE_UNAVAILABLE
        except Exception:
            log.exception("an alert could not be answered")
            answer = STORAGE_UNAVAILABLE
        metrics.count_answer(status=answer.http_status, code=answer.code)
        return answer

    async def _answer(self, name: str, peer: str, forwarded: str, body: bytes) -> Answer:
        if len(body) > BODY_LIMIT_BYTES:
            return TOO_LARGE
        known = (await self._mappings()).get(name)
        try:
            alert = parse_object(body)
        except SignalInvalid:
            # Without a readable body nobody has shown a secret.
            return UNAUTHENTICATED
        if known is None or not known.knows(secret_in(alert, known.secret_path)):
            return UNAUTHENTICATED
        address = client_address(peer, forwarded=forwarded, trusted=self._trusted)
        if not is_within(address, known.networks):
            return await self._turn_away(known, name, address)
        return await self._reception.deliver(self._request(known, alert))

    async def _turn_away(self, known: KnownAlert, name: str, address: str) -> Answer:
        """Whoever has the secret is told what is wrong; it may be the provider's new address, or a thief."""
        log.warning("alert %s: right secret from %s, which is not allowed", name, address)
        details = {"address": f"{address[:60]} is not among the networks allowed for this alert"}
        answer = Answer(http_status=403, code="address_not_allowed", details=details)
        now = self._clock()
        await self._reception.run(lambda: turn_away(known, answer, now=now))
        return answer

    def _request(self, known: KnownAlert, alert: dict[str, Any]) -> Request:
        parsed: SignalRequest | SignalInvalid
        try:
            body = without_secret(alert, known.secret_path)
            parsed = read_alert(alert, known.template)
        except RecursionError:
            body, parsed = "", SignalInvalid({"body": "is nested too deeply"})
        except SignalInvalid as error:
            parsed = error
        caller = Caller(
            provider_id=known.provider_id,
            provider_name=known.provider_name,
            # Every alert is a request of its own: the same one may rightly come again tomorrow.
            replay_key=f"alert:{secrets.token_hex(16)}",
        )
        return Request(caller=caller, body=body.encode(), parsed=parsed, received_at=self._clock())

    async def _mappings(self) -> dict[str, KnownAlert]:
        """The mappings as of at most a second ago."""
        if time.monotonic() - self._read_at >= MAPPINGS_SECONDS:
            self._known = await self._reception.read(known_alerts)
            self._read_at = time.monotonic()
        return self._known
