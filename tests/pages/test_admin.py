"""The back office: facts that nobody edits, secrets that nobody sees, acts with a reason."""

import html
import json

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from audit import services as audit
from audit.models import DeadLetter, Entry, Incident, PolicyRevision
from scout.models import Candidate, Reading, RosterMerge, Source
from tests.factories import (
    LEADER,
    make_closed_position,
    make_delivery,
    make_heartbeats,
    make_leader,
    make_policy_revision,
    make_position,
    make_signal,
    make_submission,
)
from tests.scout.rosters import make_run
from trading.domain.policy import Policy, as_json
from trading.models import (
    AlertMapping,
    LeaderTrade,
    Notice,
    PaperTransaction,
    Provider,
    ProviderSecret,
    Registration,
    Signal,
    Token,
    TradingState,
)
from wallets.models import Leader, TradingWallet

pytestmark = pytest.mark.django_db
FACTS = [
    model
    for model in admin.site._registry
    if model not in (User, Group, PolicyRevision, AlertMapping, Candidate)
    and model._meta.app_label != "admin"
]


@pytest.fixture
def rows(trading):
    """At least one row of everything."""
    now = timezone.now()
    make_leader()
    make_policy_revision()
    make_heartbeats()
    make_delivery(make_position().signal)
    make_closed_position(pnl_lamports=5, symbol="WIF", mint="wif")
    make_submission(make_signal(mint="jup"), status="IN_FLIGHT", unknown_since=now)
    provider = Provider.objects.get()
    ProviderSecret.objects.create(provider=provider, secret="hush-hush", created_at=now)
    Token.objects.create(mint="m" * 44, symbol="BONK")
    TradingWallet.objects.create(address="w" * 44, label="Main", created_at=now)
    audit.record(actor="ada", action="tested", target="all", now=now, after={"a": 1})
    audit.set_aside(
        source="tests", code="ODD", text="odd", payload={"x": "<y>"}, is_retryable=False, now=now
    )
    audit.open_incident(key="odd", title="Odd things", now=now)
    LeaderTrade.objects.create(leader_address="l" * 44, signature="s" * 88, first_heard_at=now)
    Notice.objects.create(provider=provider, received_at=now, body="[]", transactions=0)
    Registration.objects.create(name="helius")
    make_run({"address": LEADER})
    RosterMerge.objects.create(
        run="r", created_at=now, merged_at=now, actor="ada", origin="a file", wallets=1, changed=1,
        kept=0,
    )  # fmt: skip
    Reading.objects.create(address=LEADER)
    PaperTransaction.objects.create(
        signature="p" * 88, status="PENDING", accepted_at=now, lands_at=now
    )


def admin_url(model, page, *arguments):
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)


def name_of(model):
    return model.__name__


@pytest.mark.parametrize("model", FACTS, ids=name_of)
def test_facts_can_be_seen_and_not_touched(model, staff, rows):
    row = model.objects.first()
    assert staff.get(admin_url(model, "changelist")).status_code == 200
    assert staff.get(admin_url(model, "change", row.pk)).status_code == 200
    assert staff.get(admin_url(model, "add")).status_code == 403
    assert staff.get(admin_url(model, "delete", row.pk)).status_code == 403
    assert staff.post(admin_url(model, "change", row.pk), {}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    staff.post(admin_url(model, "changelist"), form)
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", FACTS, ids=name_of)
def test_lists_can_be_searched(model, staff, rows):
    assert staff.get(admin_url(model, "changelist"), {"q": "odd"}).status_code == 200


def test_a_secret_is_never_shown(staff, rows):
    provider = Provider.objects.get()
    for page in (admin_url(Provider, "changelist"), admin_url(Provider, "change", provider.pk)):
        assert "hush-hush" not in staff.get(page).content.decode()


def test_stored_json_cannot_carry_markup(staff, rows):
    letter = DeadLetter.objects.get()
    page = staff.get(admin_url(DeadLetter, "change", letter.pk)).content.decode()
    assert "&lt;y&gt;" in page
    assert "<y>" not in page


def test_the_overview_shows_what_needs_a_person(staff, rows):
    page = staff.get(reverse("admin:index")).content.decode()
    assert "Odd things" in page
    assert "ODD" in page
    assert "Open Command Center" in page


def act(client, model, name, pk=None, **form):
    arguments = [] if pk is None else [pk]
    options = model._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=arguments)
    return client.post(url, {"_form_submitted": "true", **form})


def test_a_leader_is_promoted_demoted_muted_and_heard_again_with_reasons(staff, rows):
    def leader():
        return Leader.objects.get(pk=LEADER)

    act(staff, Leader, "demote", LEADER, reason="poor month")
    assert leader().status == "CANDIDATE"
    until = {"active_until_0": "2030-01-02", "active_until_1": "03:04"}
    act(staff, Leader, "promote", LEADER, reason="good month", **until)
    assert (leader().status, leader().active_until.year) == ("ACTIVE", 2030)
    act(staff, Leader, "mute", LEADER, reason="on holiday")
    assert leader().copy_state == "CLOSES_ONLY"
    act(staff, Leader, "unmute", LEADER, reason="back again")
    assert leader().copy_state == "ON"
    reasons = [entry.reason for entry in Entry.objects.order_by("number")][-4:]
    assert reasons == ["poor month", "good month", "on holiday", "back again"]


def settings_form(staff, **changes):
    """What the page of a leader without settings sends, and these changes."""
    form = staff.get(reverse("admin:wallets_leader_configure", args=[LEADER])).context["form"]
    values = {field.name: field.value() for field in form}
    return {name: "" if value is None else value for name, value in values.items()} | changes


def test_the_copy_settings_of_a_leader_are_changed_in_sol_and_shown(staff, rows):
    url = reverse("admin:wallets_leader_configure", args=[LEADER])
    form = settings_form(
        staff,
        size_mode="FIXED",
        size_lamports="0.25",
        daily_cap_lamports="2",
        hours_from="22:00",
        hours_to="06:30",
        hours_zone="Europe/Berlin",
        blocked_mints=f" {LEADER}\n{LEADER} ",
        exit_mode="MIRROR",
        reason="quiet nights",
    )
    answer = staff.post(url, form)
    assert answer.status_code == 302, answer.context["form"].errors
    leader = Leader.objects.get(pk=LEADER)
    assert (leader.size_lamports, leader.daily_cap_lamports) == (250_000_000, 2_000_000_000)
    assert (leader.blocked_mints, leader.exit_mode) == ([LEADER], "MIRROR")
    entry = Entry.objects.order_by("number").last()
    assert (entry.action, entry.reason, entry.actor) == (
        "leader.configured",
        "quiet nights",
        "admin",
    )
    page = staff.get(answer["Location"]).content.decode()
    assert "Fixed amount" in page
    assert "<td>0.25 SOL</td>" in page
    assert settings_form(staff)["size_lamports"] == "0.25"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"reason": ""}, "This field is required"),
        ({"size_mode": "FIXED"}, "a fixed size needs an amount"),
        ({"size_lamports": "0.0000000001"}, "At most nine decimals"),
        ({"size_lamports": "NaN"}, "Enter an amount of SOL"),
        ({"size_lamports": "-1"}, "Enter more than 0 SOL"),
        ({"tip_lamports": "0"}, "Enter more than 0 SOL"),
        ({"daily_cap_lamports": "1e99"}, "Enter an amount of SOL"),
        ({"allowed_mints": "bonk"}, "is not a mint address"),
        ({"hours_zone": "Nowhere/Else"}, "is not the name of a time zone"),
        ({"follow_bps": "0"}, "greater than or equal to 1"),
    ],
)
def test_wrong_copy_settings_are_explained_and_not_stored(staff, rows, changes, complaint):
    before = Leader.objects.values().get(pk=LEADER)
    url = reverse("admin:wallets_leader_configure", args=[LEADER])
    answer = staff.post(url, settings_form(staff, **{"reason": "trying", **changes}))
    assert answer.status_code == 200
    assert complaint in html.unescape(answer.content.decode())
    assert Leader.objects.values().get(pk=LEADER) == before


def test_an_act_without_a_reason_asks_again(staff, rows):
    answer = act(staff, Leader, "demote", LEADER, reason=" ")
    assert answer.status_code == 200
    assert Leader.objects.get(pk=LEADER).status == "ACTIVE"


def test_looking_at_the_dialog_does_nothing(staff, rows):
    url = reverse("admin:wallets_leader_demote", args=[LEADER])
    assert "Demote leader" in staff.get(url).content.decode()
    assert Leader.objects.get(pk=LEADER).status == "ACTIVE"


def test_staff_without_the_permission_may_look_and_not_act(client, rows):
    from django.contrib.auth.models import Permission

    clerk = User.objects.create(username="clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_leader"))
    client.force_login(clerk)
    assert client.get(admin_url(Leader, "changelist")).status_code == 200
    assert act(client, Leader, "demote", LEADER, reason="poor month").status_code == 403
    assert act(client, Leader, "configure", LEADER, copy_state="OFF").status_code == 403
    assert Leader.objects.get(pk=LEADER).status == "ACTIVE"


def test_dead_letters_and_incidents_are_resolved_with_a_note(staff, rows):
    letter, incident = DeadLetter.objects.get(), Incident.objects.get()
    act(staff, DeadLetter, "resolve", letter.pk, reason="seen and understood")
    act(staff, Incident, "resolve", incident.pk, reason="seen and understood")
    letter.refresh_from_db()
    incident.refresh_from_db()
    assert letter.resolved_at
    assert letter.note == "seen and understood"
    assert incident.resolved_at


def test_resolving_twice_says_so(staff, rows):
    letter = DeadLetter.objects.get()
    act(staff, DeadLetter, "resolve", letter.pk, reason="seen once")
    answer = act(staff, DeadLetter, "resolve", letter.pk, reason="seen twice")
    assert "is not open" in staff.get(answer["HX-Redirect"]).content.decode()


def test_entries_are_halted_and_resumed_from_the_admin(staff, rows):
    act(staff, TradingState, "halt", reason="odd fills")
    assert TradingState.objects.get().entries_halted
    act(staff, TradingState, "resume", reason="all well")
    assert not TradingState.objects.get().entries_halted


def test_a_position_is_closed_from_the_admin(staff, rows):
    from trading.models import Position

    position = Position.objects.get(status="ACTIVE")
    act(staff, Position, "close", position.pk, reason="taking it off")
    assert Signal.objects.filter(position=position, action="SELL", status="QUEUED").exists()


def test_a_dead_position_is_written_off_from_the_admin_and_a_live_one_is_not(staff, rows):
    from trading.models import Position

    position = Position.objects.get(status="ACTIVE")
    answer = act(staff, Position, "write_off", position.pk, reason="all of it is gone")
    page = staff.get(answer["HX-Redirect"]).content.decode()
    assert "nobody has seen its token account" in page
    Position.objects.filter(pk=position.pk).update(chain_raw=0, chain_seen_at=timezone.now())
    act(staff, Position, "write_off", position.pk, reason="all of it is gone")
    position.refresh_from_db()
    assert (position.status, position.exit_reason) == ("CLOSED", "WRITTEN_OFF")
    assert position.realised_pnl_lamports < -position.cost_lamports
    entry = Entry.objects.get(action="position.written_off")
    assert (entry.actor, entry.reason) == ("admin", "all of it is gone")


def test_a_new_policy_becomes_the_active_revision(staff, rows):
    changed = {**as_json(Policy()), "maximum_positions": 3}
    form = {"reason": "fewer at once", "policy": json.dumps(changed)}
    answer = staff.post(admin_url(PolicyRevision, "add"), form)
    assert answer.status_code == 302
    active = PolicyRevision.objects.get(is_active=True)
    assert (active.number, active.policy["maximum_positions"]) == (2, 3)
    assert (active.author, active.reason) == ("admin", "fewer at once")
    first = PolicyRevision.objects.get(number=1)
    page = staff.get(admin_url(PolicyRevision, "change", first.pk)).content.decode()
    assert "maximum_positions: 3 → 12" in page
    assert "this is the first revision" in page
    page = staff.get(admin_url(PolicyRevision, "change", active.pk)).content.decode()
    assert "maximum_positions: 12 → 3" in page
    act(staff, PolicyRevision, "activate", first.pk, reason="back again")
    assert PolicyRevision.objects.get(is_active=True).number == 1


@pytest.mark.parametrize(("quality", "is_told"), [(None, True), (8_000, False)])
def test_a_size_by_a_quality_that_nobody_knows_is_saved_with_a_warning(
    staff, rows, quality, is_told
):
    Leader.objects.filter(pk=LEADER).update(quality_bps=quality)
    url = reverse("admin:wallets_leader_configure", args=[LEADER])
    form = settings_form(
        staff, size_mode="QUALITY", size_lamports="0.25", reason="as good as it is"
    )
    page = staff.post(url, form, follow=True).content.decode()
    assert Leader.objects.get(pk=LEADER).size_mode == "QUALITY"
    assert ("until a roster tells it, nothing is bought" in page) is is_told


def test_a_policy_is_edited_one_value_a_line_and_comes_back_as_it_was_typed(staff, rows):
    form = staff.get(admin_url(PolicyRevision, "add")).context["adminform"].form
    assert '\n  "maximum_positions": 12,\n' in form["policy"].value()
    typed = '{"maximum_positions": 3'
    again = staff.post(admin_url(PolicyRevision, "add"), {"reason": "typing", "policy": typed})
    assert again.context["adminform"].form["policy"].value() == typed
    assert "Enter a valid JSON" in again.content.decode()


def test_an_empty_list_of_facts_does_not_ask_to_create_one(staff):
    page = staff.get(admin_url(DeadLetter, "changelist")).content.decode()
    assert "Nothing is here" in page
    assert "Create a new item" not in page


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"maximum_tip_lamports": 0}, "minimum_tip_lamports"),
        ({"no_such_number": 1}, "is not a field of the policy"),
        ({"maximum_positions": "12"}, "must be int"),
    ],
)
def test_a_policy_that_contradicts_itself_is_not_stored(staff, rows, change, complaint):
    form = {"reason": "trying", "policy": json.dumps({**as_json(Policy()), **change})}
    page = staff.post(admin_url(PolicyRevision, "add"), form).content.decode()
    assert complaint in page
    assert PolicyRevision.objects.count() == 1


def test_a_policy_revision_never_changes(staff, rows):
    revision = PolicyRevision.objects.get()
    assert staff.post(admin_url(PolicyRevision, "change", revision.pk), {}).status_code == 403
    assert staff.get(admin_url(PolicyRevision, "delete", revision.pk)).status_code == 403


def test_the_queue_of_candidates_is_edited_by_staff(staff, rows):
    form = {"address": LEADER, "rank": "0.5", "note": "a friend's"}
    assert staff.post(admin_url(Candidate, "add"), form).status_code == 302
    candidate = Candidate.objects.get()
    assert (candidate.address, candidate.source, candidate.rank) == (LEADER, Source.PERSON, 0.5)
    form = {"action": "set_aside", "_selected_action": LEADER}
    staff.post(admin_url(Candidate, "changelist"), form)
    assert Candidate.objects.get().is_set_aside


def test_the_rosters_page_says_why_a_roster_is_not_taken_over(staff, rows, settings, tmp_path):
    settings.ROSTER_FILE = tmp_path / "roster_new.db"
    act(staff, RosterMerge, "merge", reason="a new one")
    page = staff.get(admin_url(RosterMerge, "changelist")).content.decode()
    assert "roster_new.db cannot be read" in page
