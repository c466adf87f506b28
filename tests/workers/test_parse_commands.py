"""The commands that read recorded transactions: a line for each file, and a report against the truth."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.ledger import RENT, Ledger, address, vault
from trading.domain.values import USDC_MINT

WALLET, POOL, TOKEN = address("wallet"), vault("pool"), address("token")
KEYS = (
    "signature wallet is_swap direction class base_mint base_delta_raw token_mint token_delta_raw token_decimals "
    "legs network_fee_lamports jito_tip_lamports other_out_lamports rent_paid_lamports rent_refunded_lamports "
    "venues router slot block_time err"
)


def traded() -> Ledger:
    ledger = Ledger(WALLET)
    for owner in (WALLET, POOL):
        ledger.holds(vault(f"{owner[:9]} usdc"), USDC_MINT, owner, 10**9)
    ledger.holds(vault("theirs"), TOKEN, POOL, 10**9)
    ledger.open(vault("ours"), TOKEN, WALLET)
    with ledger.call(address("venue")):
        ledger.transfer(vault(f"{WALLET[:9]} usdc"), vault(f"{POOL[:9]} usdc"), 900, by=WALLET)
        ledger.transfer(vault("theirs"), vault("ours"), 77, by=POOL)
    return ledger


def run(*arguments: object) -> tuple[int, list[str], str]:
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    return int(str(ended.value.code)), out.getvalue().splitlines(), err.getvalue()


def write(file: Path, document: Any) -> Path:
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def test_each_file_has_its_line_in_order(tmp_path: Path) -> None:
    ledger = traded()
    files = [
        write(tmp_path / "z.json", ledger.as_json()),
        write(tmp_path / "a.json", {"jsonrpc": "2.0", "id": 1, "result": ledger.as_parsed()}),
        write(tmp_path / "m.json", [ledger.as_enhanced()]),
    ]
    status, lines, err = run("parse_swaps", *files)
    assert (status, err) == (0, "")
    told = [json.loads(line) for line in lines]
    assert [each["signature"] for each in told] == ["played", "played", "enhanced"]
    assert all(list(each) == KEYS.split() for each in told)
    assert told[0] == {
        "signature": "played", "wallet": WALLET, "is_swap": True, "direction": "BUY", "class": "SWAP",
        "base_mint": USDC_MINT, "base_delta_raw": -900, "token_mint": TOKEN, "token_delta_raw": 77,
        "token_decimals": 6,
        "legs": [
            {"mint": USDC_MINT, "delta_raw": -900, "decimals": 6},
            {"mint": TOKEN, "delta_raw": 77, "decimals": 6},
        ],
        "network_fee_lamports": 5_000, "jito_tip_lamports": 0, "other_out_lamports": 0,
        "rent_paid_lamports": RENT, "rent_refunded_lamports": 0, "venues": [], "router": None,
        "slot": 7, "block_time": 1_790_000_000, "err": None,
    }  # fmt: skip


def test_another_wallet_may_be_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "one.json", traded().as_json())
    _, [line], _ = run("parse_swaps", "--wallet", POOL, file)
    told = json.loads(line)
    assert (told["wallet"], told["direction"], told["token_delta_raw"]) == (POOL, "SELL", -77)


def test_a_file_that_cannot_be_read_has_a_line_that_says_why(tmp_path: Path) -> None:
    files = [
        tmp_path / "absent.json",
        write(tmp_path / "broken.json", "{"),
        write(tmp_path / "unknown.json", {"jsonrpc": "2.0", "result": None}),
        write(tmp_path / "deep.json", "[" * 100_000),
        write(tmp_path / "good.json", traded().as_json()),
    ]
    status, lines, err = run("parse_swaps", *files)
    told = [json.loads(line) for line in lines]
    assert status == 1
    assert all(list(each) == KEYS.split() for each in told)
    assert [each["class"] for each in told] == ["UNREADABLE"] * 4 + ["SWAP"]
    assert all(each["err"]["unreadable"] for each in told[:4])
    assert [each["is_swap"] for each in told] == [False] * 4 + [True]
    assert all(file.name in err for file in files[:4])


TRUTH = {
    "role": "primary", "cls": "SWAP", "is_swap": "True", "direction": "BUY", "ambiguous": "0", "err": "",
    "base_mint": USDC_MINT, "base_delta_raw": "-900", "token_mint": TOKEN, "token_delta_raw": "77",
    "token_decimals": "6", "network_fee": "5000", "jito_tip": "0", "platform_fee_or_other_out": "0",
    "rent_paid": str(RENT), "rent_refunded": "0", "dex": "", "router": "", "owner": WALLET,
}  # fmt: skip
HELIUS_TRUTH = {
    "signature": "enhanced", "path": "helius/enhanced.json", "type": "SWAP", "source": "X", "is_swap": "True",
    "direction": "BUY", "network_fee": "5000", "sol_delta_net_of_fee_and_rent": "0",
    "ata_rent_lamports": str(RENT), "token_deltas": f"{USDC_MINT}:-900:6; {TOKEN}:77:6",
}  # fmt: skip


def folder(tmp_path: Path, *rows: dict[str, str]) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "helius").mkdir()
    for row in rows:
        write(tmp_path / "raw" / f"{row['signature']}.json", traded().as_json())
    write(tmp_path / "helius" / "enhanced.json", traded().as_enhanced())
    for name, found in (("truth.csv", rows), ("helius_truth.csv", [HELIUS_TRUTH])):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    return tmp_path


def test_the_report_of_agreement_ends_well(tmp_path: Path) -> None:
    status, lines, _ = run("parse_report", folder(tmp_path, {"signature": "a"} | TRUTH), "--speed")
    assert status == 0
    assert lines[0] == "As nodes tell it: 1 of 1 agree (100.00 %), and 0 ambiguous"
    assert "As Helius tells it: 1 of 1 agree (100.00 %), and 0 ambiguous" in lines
    assert lines[-1].startswith("Speed: ")


def test_a_disagreement_is_listed_and_fails_the_report_unless_it_is_ambiguous(
    tmp_path: Path,
) -> None:
    wrong = TRUTH | {"base_delta_raw": "-901"}
    (tmp_path / "sure").mkdir()
    (tmp_path / "unsure").mkdir()
    sure = folder(tmp_path / "sure", {"signature": "a"} | TRUTH, {"signature": "b"} | wrong)
    status, lines, _ = run("parse_report", sure)
    assert status == 1
    assert lines[0].startswith("As nodes tell it: 1 of 2 agree (50.00 %)")
    assert any(line.startswith("DISAGREES b") and "'-900', truth '-901'" in line for line in lines)
    unsure = folder(tmp_path / "unsure", {"signature": "b"} | wrong | {"ambiguous": "1"})
    status, lines, _ = run("parse_report", unsure)
    assert status == 0
    assert any(line.startswith("ambiguous b") for line in lines)


def test_a_transaction_that_is_missing_disagrees(tmp_path: Path) -> None:
    there = folder(tmp_path, {"signature": "a"} | TRUTH)
    (there / "raw" / "a.json").unlink()
    status, lines, _ = run("parse_report", there)
    assert status == 1
    assert any(line.startswith("DISAGREES a") and "No such file" in line for line in lines)


def test_either_truth_alone_will_do(tmp_path: Path) -> None:
    there = folder(tmp_path, {"signature": "a"} | TRUTH)
    (there / "helius_truth.csv").unlink()
    status, lines, _ = run("parse_report", there)
    assert status == 0
    assert not any("Helius" in line for line in lines)


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"truth\.csv"):
        call_command("parse_report", str(tmp_path))
