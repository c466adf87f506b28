"""Every token that was seen is sampled, and what is kept of the market is bounded; on both databases."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import factories
from trading.domain.market_readings import Known, Missing, Stale, Zero
from trading.domain.samples import Sample
from trading.domain.values import WSOL_MINT
from trading.models import (
    LeaderLeg,
    LeaderTrade,
    LiquiditySample,
    PriceAfter,
    PriceTick,
    SampledToken,
)
from trading.services import forgetting
from trading.services.forgetting import forget_observations
from trading.services.samples import (
    add_samples,
    due_tokens,
    keep_samples,
    market_of,
    markets_of,
    notice,
    noticed_until,
    postpone,
    unnoticed,
)
from trading.services.ticks import Tick, add_ticks, ticks_of

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINT, OTHER = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263", factories.address(8)


def sample(mint: str = MINT, *, at: datetime = NOW, **fields: Any) -> Sample:
    values = {"liquidity_usd": Decimal(1000), **fields}
    return Sample(mint=mint, at=at, source="dexscreener", **values)


def test_what_signals_name_is_noticed_once_and_due_at_once() -> None:
    factories.make_signal(mint=MINT, received_at=NOW)
    factories.make_signal(mint=WSOL_MINT, received_at=NOW)
    seen = unnoticed(since=NOW - DAY, now=NOW)
    assert list(seen) == [MINT], "SOL is no token to be sampled"
    notice(seen, now=NOW)
    assert due_tokens(now=NOW, limit=9) == [MINT]
    assert unnoticed(since=NOW - DAY, now=NOW) == {}


def test_after_a_restart_it_goes_on_where_it_was_and_not_before_a_week() -> None:
    assert noticed_until(now=NOW) == NOW - 7 * DAY
    notice({MINT: NOW - HOUR}, now=NOW)
    assert NOW - HOUR - 5 * MINUTE < noticed_until(now=NOW) < NOW - HOUR


def test_what_a_leader_traded_is_noticed_too() -> None:
    trade = LeaderTrade.objects.create(
        leader_address="leader", signature="s", traded_at=NOW, first_heard_at=NOW
    )
    LeaderLeg.objects.create(
        trade=trade, action="BUY", mint=MINT, amount_raw=1, decimals=5, code="LATE", decided_at=NOW
    )
    assert unnoticed(since=NOW - DAY, now=NOW) == {MINT: NOW}


def test_a_token_seen_again_is_looked_at_again_but_not_within_a_moment() -> None:
    notice({MINT: NOW}, now=NOW)
    keep_samples([sample()], now=NOW)
    assert due_tokens(now=NOW + 4 * MINUTE, limit=9) == []
    notice({MINT: NOW + MINUTE}, now=NOW + MINUTE)
    assert due_tokens(now=NOW + 4 * MINUTE, limit=9) == []
    notice({MINT: NOW + 3 * MINUTE}, now=NOW + 3 * MINUTE)
    assert due_tokens(now=NOW + 3 * MINUTE, limit=9) == [MINT]


def test_a_token_nobody_sees_any_more_is_left_alone_after_a_week() -> None:
    notice({MINT: NOW - 8 * DAY}, now=NOW)
    keep_samples([sample()], now=NOW)
    assert SampledToken.objects.get().due_at is None
    assert due_tokens(now=NOW + 90 * DAY, limit=9) == []


def test_what_failed_is_due_later_and_leaves_no_sample() -> None:
    notice({MINT: NOW}, now=NOW)
    postpone([MINT], until=NOW + MINUTE)
    assert due_tokens(now=NOW, limit=9) == []
    assert due_tokens(now=NOW + MINUTE, limit=9) == [MINT]
    assert not LiquiditySample.objects.exists()


def test_scout_reads_five_answers_and_many_at_once() -> None:
    empty, unknown = factories.address(9), factories.address(10)
    told = sample(price_sol=Decimal("0.000004"), token_created_at=NOW - DAY)
    add_samples(
        [told, sample(empty, liquidity_usd=Decimal(0)), sample(unknown, liquidity_usd=None)]
    )
    assert market_of(MINT, at=NOW + MINUTE) == Known(value=told, at=NOW, source="dexscreener")
    asked = [(each, NOW) for each in (OTHER, empty, unknown)]
    readings = markets_of([*asked, (MINT, NOW + DAY), (MINT, NOW - DAY)])
    assert [type(each) for each in readings] == [Missing, Zero, Missing, Stale, Missing]


def test_a_sample_stored_twice_is_one_and_the_first_one_stays() -> None:
    add_samples([sample()])
    add_samples([sample(liquidity_usd=Decimal(5))])
    assert LiquiditySample.objects.get().liquidity_usd == 1000


def test_a_figure_that_no_column_holds_is_not_known_rather_than_wrong() -> None:
    add_samples(
        [
            sample(liquidity_usd=Decimal("1e30"), price_sol=Decimal("1e-30")),
            sample(OTHER, price_sol=Decimal("123456789012.123456789012345678")),
        ]
    )
    odd, sound = LiquiditySample.objects.get(mint=MINT), LiquiditySample.objects.get(mint=OTHER)
    assert (odd.liquidity_usd, odd.price_sol) == (None, None)
    assert abs(sound.price_sol - Decimal("123456789012.1234567")) < Decimal("0.001")


def test_old_observations_go_and_young_ones_stay() -> None:
    ticks = [
        Tick(mint=MINT, at=at, price_sol=Decimal(1), source="jupiter")
        for at in (NOW - 15 * DAY, NOW - 13 * DAY)
    ]
    add_ticks(ticks)
    add_samples([sample(at=NOW - 181 * DAY), sample(at=NOW - 179 * DAY)])
    for days in (366, 364):
        PriceAfter.objects.create(
            signature=f"s{days}", wallet="w", mint=MINT, swapped_at=NOW - days * DAY, missed="LATE"
        )
    assert forget_observations(now=NOW) == 3
    assert ticks_of(MINT, since=NOW - 99 * DAY, until=NOW) == ticks[1:]
    assert (LiquiditySample.objects.count(), PriceAfter.objects.count()) == (1, 1)
    assert forget_observations(now=NOW) == 0


def test_of_too_many_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    few = forgetting.Keep(model=PriceTick, moment="at", days=14, rows=3)
    monkeypatch.setattr(forgetting, "KEPT", (few,))
    monkeypatch.setattr(forgetting, "ROWS_AT_ONCE", 2)
    add_ticks(
        [
            Tick(mint=MINT, at=NOW + timedelta(seconds=n), price_sol=Decimal(n + 1), source="x")
            for n in range(10)
        ]
    )
    assert forget_observations(now=NOW) == 7
    kept = ticks_of(MINT, since=NOW, until=NOW + DAY)
    assert [int(tick.price_sol) for tick in kept] == [8, 9, 10]


def test_a_file_is_imported_and_its_bad_lines_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "liquidity.csv"
    file.write_text(
        f"mint,at,liquidity_usd\n{MINT},1763812800,9\n{MINT},never,9\n{MINT},1763812860,8\n"
    )
    with pytest.raises(SystemExit) as ended:
        call_command("import_liquidity", str(file))
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert "2 samples imported, 0 known already, 1 bad lines" in told.out
    assert "line 3: at: 'never'" in told.err
    assert LiquiditySample.objects.filter(source="import").count() == 2


def test_a_strict_import_uses_nothing_of_a_file_with_a_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "liquidity.csv"
    file.write_text(f"mint,at,liquidity_usd\n{MINT},1763812800,9\n{MINT},never,9\n")
    with pytest.raises(CommandError, match="nothing was imported: 1 bad lines"):
        call_command("import_liquidity", "--strict", str(file))
    assert not LiquiditySample.objects.exists()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_liquidity", str(tmp_path / "nowhere.csv"))


def test_importing_twice_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "liquidity.csv"
    file.write_text(f"token,ts,liquidity_usd\n{MINT},1763812800,9\n")
    for _ in range(2):
        call_command("import_liquidity", str(file))
    assert "0 samples imported, 1 known already" in capsys.readouterr().out
