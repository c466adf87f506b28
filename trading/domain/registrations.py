"""Which wallets a provider is to be told to watch: what differs from what is registered, and the fewest edits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One webhook of ours; `is_sound`: but for its wallets it is as it should be."""

    id: str
    addresses: frozenset[str]
    is_sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`missing` wallets are wanted and not registered, `surplus` ones the other way round.

    `unsound` webhooks are to be written anew, and doubled wallets cost an event twice.
    """

    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    unsound: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.unsound or self.doubled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change: without an `id` a webhook is made, without `addresses` it is taken away."""

    id: str = ""
    addresses: frozenset[str] = frozenset()


def difference(registered: Sequence[Registered], wanted: Collection[str]) -> Difference:
    """How the registered set differs from the wanted one."""
    wanted, seen, doubled = set(wanted), set[str](), set[str]()
    for each in registered:
        doubled |= seen & each.addresses
        seen |= each.addresses
    return Difference(
        missing=tuple(sorted(wanted - seen)),
        surplus=tuple(sorted(seen - wanted)),
        unsound=tuple(each.id for each in registered if not each.is_sound),
        doubled=tuple(sorted(doubled)),
    )


def plan_edits(
    registered: Sequence[Registered], wanted: Collection[str], *, most: int
) -> list[Edit]:
    """The edits after which exactly the wanted wallets are registered, `most` a webhook.

    Every wallet stays where it is, so that a webhook without a change costs nothing; who comes goes where
    room is. What adds comes before what takes away: nobody is unheard meanwhile.
    """
    after = _kept(registered, wanted)
    room = {id_: most - len(addresses) for id_, addresses in after.items()}
    new = sorted(set(wanted) - {address for kept in after.values() for address in kept})
    for id_, free in room.items():
        after[id_] |= set(new[: max(0, free)])
        new = new[max(0, free) :]
    edits = [
        Edit(id=each.id, addresses=frozenset(after[each.id]))
        for each in registered
        if after[each.id] and (after[each.id] != each.addresses or not each.is_sound)
    ]
    edits += [
        Edit(addresses=frozenset(new[start : start + most])) for start in range(0, len(new), most)
    ]
    return edits + [Edit(id=each.id) for each in registered if not after[each.id]]


def _kept(registered: Sequence[Registered], wanted: Collection[str]) -> dict[str, set[str]]:
    """What each webhook keeps: of wallets in several the first one's stays."""
    found: dict[str, set[str]] = {}
    left = set(wanted)
    for each in registered:
        found[each.id] = left & each.addresses
        left -= each.addresses
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How seldom to look and to edit; both cost credits.

    Differences are gathered for `gathering` from the first one on and then edited together, edits at least
    `between_edits` apart.
    """

    between_looks: timedelta
    gathering: timedelta
    between_edits: timedelta

    @property
    def patience(self) -> timedelta:
        """How long a difference may last before people are told."""
        return self.gathering + 2 * self.between_edits + self.between_looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When what was done last, None for never; `differs_since` None: there is no known difference."""

    looked_at: datetime | None
    differs_since: datetime | None
    edited_at: datetime | None


def may_look(moments: Moments, pace: Pace, *, now: datetime) -> bool:
    """Whether it is time to ask what is registered."""
    last = moments.looked_at
    return last is None or now - last >= pace.between_looks or may_edit(moments, pace, now=now)


def may_edit(moments: Moments, pace: Pace, *, now: datetime) -> bool:
    """Whether differences were gathered for long enough, and the last edit is far enough back."""
    since, last = moments.differs_since, moments.edited_at
    if since is None or now - since < pace.gathering:
        return False
    return last is None or now - last >= pace.between_edits


def is_lasting(moments: Moments, pace: Pace, *, now: datetime) -> bool:
    """Whether the difference, or the silence of who should tell, is something for people."""
    since = moments.differs_since or moments.looked_at
    return since is not None and now - since > pace.patience
