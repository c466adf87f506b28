"""The verbs of alerts: which mappings are valid, what is turned away, and changes of a mapping, audited."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import services as audit
from trading.domain.addresses import Network, read_networks
from trading.domain.alerts import AlertTemplate
from trading.models import AlertMapping, Delivery
from trading.services.answers import Answer

SHORTEST_SECRET = 16
AUDITED = ("provider_id", "is_enabled", "secret_path", "networks", "template", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAlert:
    """One mapping that is switched on, ready for use. The secret is known by its SHA-256 alone."""

    provider_id: int
    provider_name: str
    secret_sha256: str
    secret_path: str
    networks: tuple[Network, ...]
    template: AlertTemplate

    def knows(self, secret: str) -> bool:
        """Whether this is its secret, in constant time."""
        return hmac.compare_digest(digest_of(secret), self.secret_sha256)


def digest_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def known_alerts() -> dict[str, KnownAlert]:
    """Every mapping that is on, of a provider that is on, by name. Each was checked when it was saved."""
    rows = AlertMapping.objects.filter(is_enabled=True, provider__is_enabled=True)
    return {
        row.name: KnownAlert(
            provider_id=row.provider_id,
            provider_name=row.provider.name,
            secret_sha256=row.secret_sha256,
            secret_path=row.secret_path,
            networks=read_networks(row.networks.splitlines()),
            template=AlertTemplate(fields=row.template, words=row.words),
        )
        for row in rows.select_related("provider")
    }


@transaction.atomic
def turn_away(known: KnownAlert, answer: Answer, *, now: datetime) -> None:
    """Store that an alert with the right secret was answered without being read: what it says is not kept."""
    Delivery.objects.create(
        provider_id=known.provider_id,
        received_at=now,
        replay_key=None,
        body="",
        http_status=answer.http_status,
        answer=answer.status,
        code=answer.code,
        details=answer.details,
    )


@transaction.atomic
def save_mapping(
    mapping: AlertMapping, *, secret: str, actor: str, reason: str, now: datetime
) -> None:
    """Store a checked mapping with its new secret (empty: it keeps the old one), and who did it."""
    old = AlertMapping.objects.filter(pk=mapping.pk).first() if mapping.pk else None
    if secret:
        mapping.secret_sha256 = digest_of(secret)
    mapping.save()
    audit.record(
        actor=actor,
        action="alert.changed" if old else "alert.added",
        target=f"alert {mapping.name}",
        before=_facts(old) if old else None,
        after={**_facts(mapping), "is_secret_new": bool(secret)},
        reason=reason,
        now=now,
    )


def _facts(mapping: AlertMapping) -> dict[str, Any]:
    """What the audit log tells of a mapping; neither its secret nor what stands for it."""
    return {name: getattr(mapping, name) for name in AUDITED}
