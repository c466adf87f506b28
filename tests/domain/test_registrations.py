"""Which wallets a provider is told to watch: exactly those wanted, by as few edits as can be."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trading.domain.registrations import (
    Difference,
    Edit,
    Moments,
    Pace,
    Registered,
    difference,
    is_lasting,
    may_edit,
    may_look,
    plan_edits,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PACE = Pace(
    between_looks=timedelta(hours=1),
    gathering=timedelta(minutes=2),
    between_edits=timedelta(minutes=15),
)
wallets = st.frozensets(st.sampled_from("abcdefghijkl"), max_size=10)


def hook(name: str, addresses: str, *, is_sound: bool = True) -> Registered:
    return Registered(id=name, addresses=frozenset(addresses), is_sound=is_sound)


def applied(registered: list[Registered], edits: list[Edit]) -> list[Registered]:
    """What is registered after the edits."""
    found = {each.id: each for each in registered}
    for number, edit in enumerate(edits):
        name = edit.id or f"new{number}"
        if edit.addresses:
            found[name] = Registered(id=name, addresses=edit.addresses, is_sound=True)
        else:
            del found[name]
    return list(found.values())


def test_nothing_differs_where_exactly_the_wanted_are_registered():
    assert not difference([hook("1", "ab"), hook("2", "c")], "abc")
    assert plan_edits([hook("1", "ab"), hook("2", "c")], "abc", most=2) == []


def test_a_difference_names_every_kind_of_it():
    found = difference([hook("1", "abx"), hook("2", "by", is_sound=False)], "abc")
    assert found == Difference(missing=("c",), surplus=("x", "y"), unsound=("2",), doubled=("b",))


def test_who_comes_goes_where_room_is_and_nobody_moves():
    edits = plan_edits([hook("1", "ab"), hook("2", "c")], "abcd", most=2)
    assert edits == [Edit(id="2", addresses=frozenset("cd"))]


def test_an_empty_webhook_is_taken_away_after_what_is_new_is_registered():
    edits = plan_edits([hook("1", "x")], "abc", most=2)
    assert edits == [
        Edit(id="1", addresses=frozenset("ab")),
        Edit(addresses=frozenset("c")),
    ]
    assert plan_edits([hook("1", "x"), hook("2", "a")], "a", most=2) == [Edit(id="1")]


def test_one_with_a_wrong_secret_is_written_anew_as_it_is():
    edits = plan_edits([hook("1", "a", is_sound=False)], "a", most=2)
    assert edits == [Edit(id="1", addresses=frozenset("a"))]


@given(st.lists(st.tuples(wallets, st.booleans()), max_size=4), wallets, st.integers(1, 5))
def test_after_the_plan_exactly_the_wanted_are_registered_once_each(
    had: list[tuple[frozenset[str], bool]], wanted: frozenset[str], most: int
):
    registered = [
        Registered(id=f"{number}", addresses=frozenset(sorted(addresses)[:most]), is_sound=is_sound)
        for number, (addresses, is_sound) in enumerate(had)
    ]
    after = applied(registered, plan_edits(registered, wanted, most=most))
    assert not difference(after, wanted)
    assert all(0 < len(each.addresses) <= most for each in after)
    assert plan_edits(after, wanted, most=most) == []


def test_differences_are_gathered_and_edits_kept_apart():
    def moments(differs: float | None, edited: float | None, looked: float | None = 1) -> Moments:
        ago = [
            None if each is None else NOW - timedelta(minutes=each)
            for each in (differs, edited, looked)
        ]
        return Moments(differs_since=ago[0], edited_at=ago[1], looked_at=ago[2])

    assert not may_edit(moments(None, None), PACE, now=NOW)
    assert not may_edit(moments(1, None), PACE, now=NOW)
    assert may_edit(moments(2, None), PACE, now=NOW)
    assert not may_edit(moments(2, 14), PACE, now=NOW)
    assert may_edit(moments(2, 15), PACE, now=NOW)
    assert may_look(moments(None, None, None), PACE, now=NOW)
    assert not may_look(moments(None, None, 59), PACE, now=NOW)
    assert may_look(moments(None, None, 60), PACE, now=NOW)
    assert may_look(moments(2, 15, 1), PACE, now=NOW)
    assert not is_lasting(moments(30, 1), PACE, now=NOW)
    assert is_lasting(moments(93, 1), PACE, now=NOW)
    assert is_lasting(moments(None, None, 93), PACE, now=NOW)
