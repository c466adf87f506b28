"""Writes transactions as nodes and Helius tell them, by keeping the books of a made-up one: for the parser's tests.

Everything is played on balances first, so that what the three forms say always adds up.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from solders.pubkey import Pubkey

from trading.domain.programs import SYSTEM_PROGRAM
from trading.domain.values import TOKEN_PROGRAM, WSOL_MINT

RENT = 2_039_280
FEE = 5_000
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def address(name: str) -> str:
    """A wallet's address: on the curve."""
    seed = 0
    while True:
        key = Pubkey.from_bytes(hashlib.sha256(f"{name}{seed}".encode()).digest())
        if key.is_on_curve():
            return str(key)
        seed += 1


def vault(name: str) -> str:
    """A program's own address: off the curve."""
    found, _ = Pubkey.find_program_address([name.encode()[:32]], Pubkey.from_string(TOKEN_PROGRAM))
    return str(found)


def encode_base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class Ledger:
    """One transaction of `payer`, who starts with 10 SOL, while it is played."""

    def __init__(self, payer: str, *, signers: tuple[str, ...] = ()) -> None:
        self.signers = (payer, *signers)
        self.lamports: dict[str, int] = dict.fromkeys(self.signers, 10**10)
        self.tokens: dict[str, dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []
        self._height = 0
        self._before: tuple[dict, dict] | None = None

    def holds(
        self, account: str, mint: str, owner: str, amount: int = 0, decimals: int = 6
    ) -> None:
        """A token account that was there before."""
        self.tokens[account] = {
            "mint": mint,
            "owner": owner,
            "amount": amount,
            "decimals": decimals,
        }
        self.lamports[account] = RENT + (amount if mint == WSOL_MINT else 0)

    @contextmanager
    def call(self, program: str) -> Iterator[None]:
        """What is done within is issued by `program`."""
        self._did(program, "", [], b"\x63", {})
        index = len(self.calls)
        self._height += 1
        yield
        self._height -= 1
        # A program can hand on only what it was given.
        used = [each for call in self.calls[index:] for each in call["accounts"]]
        self.calls[index - 1]["accounts"] = list(dict.fromkeys(used))

    def send(self, source: str, to: str, amount: int) -> None:
        info = {"source": source, "destination": to, "lamports": amount}
        data = (2).to_bytes(4, "little") + amount.to_bytes(8, "little")
        self._did(SYSTEM_PROGRAM, "transfer", [source, to], data, info)
        self.drain(source, to, amount)

    def create(self, source: str, account: str, amount: int = RENT) -> None:
        info = {"source": source, "newAccount": account, "lamports": amount}
        data = bytes(4) + amount.to_bytes(8, "little") + bytes(40)
        self._did(SYSTEM_PROGRAM, "createAccount", [source, account], data, info)
        self.drain(source, account, amount)

    def drain(self, source: str, to: str, amount: int) -> None:
        """Lamports that a program moves without an instruction."""
        self._start()
        self.lamports[source] = self.lamports.get(source, 0) - amount
        self.lamports[to] = self.lamports.get(to, 0) + amount

    def open(
        self, account: str, mint: str, owner: str, *, payer: str = "", decimals: int = 6
    ) -> None:
        """A new token account; what `payer` put in beyond the rent is wrapped SOL."""
        self.create(payer or self.signers[0], account)
        info = {"account": account, "mint": mint, "owner": owner}
        self._did(TOKEN_PROGRAM, "initializeAccount", [account, mint, owner], b"\x01", info)
        self.tokens[account] = {"mint": mint, "owner": owner, "amount": 0, "decimals": decimals}

    def wrap(self, wallet: str, account: str, amount: int) -> None:
        self.send(wallet, account, amount)
        self._did(TOKEN_PROGRAM, "syncNative", [account], b"\x11", {"account": account})
        self.tokens[account]["amount"] += amount

    def transfer(self, source: str, to: str, amount: int, *, by: str) -> None:
        info = {"source": source, "destination": to, "authority": by, "amount": str(amount)}
        self._did(TOKEN_PROGRAM, "transfer", [source, to, by], self._amount(3, amount), info)
        self.tokens[source]["amount"] -= amount
        self.tokens[to]["amount"] += amount
        if self.tokens[source]["mint"] == WSOL_MINT:
            self.drain(source, to, amount)

    def mint(self, to: str, amount: int) -> None:
        mint = self.tokens[to]["mint"]
        info = {"mint": mint, "account": to, "amount": str(amount)}
        self._did(TOKEN_PROGRAM, "mintTo", [mint, to], self._amount(7, amount), info)
        self.tokens[to]["amount"] += amount

    def burn(self, source: str, amount: int, *, by: str) -> None:
        mint = self.tokens[source]["mint"]
        info = {"account": source, "mint": mint, "authority": by, "amount": str(amount)}
        self._did(TOKEN_PROGRAM, "burn", [source, mint, by], self._amount(8, amount), info)
        self.tokens[source]["amount"] -= amount

    def close(self, account: str, *, to: str, by: str) -> None:
        info = {"account": account, "destination": to, "owner": by}
        self._did(TOKEN_PROGRAM, "closeAccount", [account, to, by], b"\x09", info)
        self.drain(account, to, self.lamports[account])
        del self.tokens[account]

    def as_json(self) -> dict[str, Any]:
        """`getTransaction`, encoding json: indices and base58."""
        keys = self._keys()
        reply = self._reply([*keys], keys, self._compiled)
        reply["transaction"]["message"]["header"] = {"numRequiredSignatures": len(self.signers)}
        return reply

    def as_parsed(self) -> dict[str, Any]:
        """`getTransaction`, encoding jsonParsed."""
        keys = self._keys()
        listed = [{"pubkey": each, "signer": each in self.signers} for each in keys]
        return self._reply(listed, keys, self._parsed)

    def as_enhanced(self) -> dict[str, Any]:
        """What a Helius webhook sends."""
        lamports, tokens = self._started()
        data = [
            {
                "account": key,
                "nativeBalanceChange": self._after(key) - lamports.get(key, 0),
                "tokenBalanceChanges": self._token_changes(key, tokens),
            }
            for key in self._keys()
        ]
        outer: list[dict[str, Any]] = []
        for call in self.calls:
            told = {name: call[name] for name in ("programId", "accounts", "data")}
            if call["height"] == 0:
                outer.append(told | {"innerInstructions": []})
            else:
                outer[-1]["innerInstructions"].append(told)
        return {
            "signature": "enhanced",
            "slot": 7,
            "timestamp": 1_790_000_000,
            "type": "UNKNOWN",
            "source": "UNKNOWN",
            "fee": FEE,
            "feePayer": self.signers[0],
            "transactionError": None,
            "accountData": data,
            "instructions": outer,
        }

    def _start(self) -> None:
        if self._before is None:
            self._before = (dict(self.lamports), deepcopy(self.tokens))

    def _started(self) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
        self._start()
        assert self._before is not None
        return self._before

    def _did(
        self, program: str, kind: str, accounts: list[str], data: bytes, info: dict[str, Any]
    ) -> None:
        self._start()
        self.calls.append(
            {
                "programId": program,
                "type": kind,
                "accounts": accounts,
                "data": encode_base58(data),
                "info": info,
                "height": self._height,
            }
        )

    @staticmethod
    def _amount(tag: int, amount: int) -> bytes:
        return bytes([tag]) + amount.to_bytes(8, "little")

    def _keys(self) -> list[str]:
        programs = [call["programId"] for call in self.calls]
        named = [each for call in self.calls for each in call["accounts"]]
        before = self._started()[0]
        return list(dict.fromkeys([*self.signers, *before, *self.lamports, *named, *programs]))

    def _after(self, key: str) -> int:
        return self.lamports.get(key, 0) - (FEE if key == self.signers[0] else 0)

    def _token_changes(self, key: str, before: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        known = self.tokens.get(key) or before.get(key)
        if known is None:
            return []
        change = self.tokens.get(key, {"amount": 0})["amount"]
        change -= before.get(key, {"amount": 0})["amount"]
        amount = {"tokenAmount": str(change), "decimals": known["decimals"]}
        row = {"userAccount": known["owner"], "tokenAccount": key, "mint": known["mint"]}
        return [row | {"rawTokenAmount": amount}] if change else []

    def _reply(self, listed: list[Any], keys: list[str], render: Any) -> dict[str, Any]:
        lamports, tokens = self._started()
        outer: list[Any] = []
        inner: dict[int, list[Any]] = {}
        for call in self.calls:
            if call["height"] == 0:
                outer.append(render(call, keys))
            else:
                told = render(call, keys) | {"stackHeight": call["height"] + 1}
                inner.setdefault(len(outer) - 1, []).append(told)
        return {
            "slot": 7,
            "blockTime": 1_790_000_000,
            "transaction": {
                "signatures": ["played"],
                "message": {"accountKeys": listed, "instructions": outer},
            },
            "meta": {
                "err": None,
                "fee": FEE,
                "preBalances": [lamports.get(key, 0) for key in keys],
                "postBalances": [self._after(key) for key in keys],
                "preTokenBalances": self._balances(tokens, keys),
                "postTokenBalances": self._balances(self.tokens, keys),
                "innerInstructions": [
                    {"index": index, "instructions": told} for index, told in inner.items()
                ],
            },
        }

    @staticmethod
    def _compiled(call: dict[str, Any], keys: list[str]) -> dict[str, Any]:
        return {
            "programIdIndex": keys.index(call["programId"]),
            "accounts": [keys.index(each) for each in call["accounts"]],
            "data": call["data"],
        }

    @staticmethod
    def _parsed(call: dict[str, Any], _: list[str]) -> dict[str, Any]:
        if not call["type"]:
            return {name: call[name] for name in ("programId", "accounts", "data")}
        return {
            "programId": call["programId"],
            "parsed": {"type": call["type"], "info": call["info"]},
        }

    @staticmethod
    def _balances(tokens: dict[str, dict[str, Any]], keys: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "accountIndex": keys.index(account),
                "mint": token["mint"],
                "owner": token["owner"],
                "uiTokenAmount": {"amount": str(token["amount"]), "decimals": token["decimals"]},
            }
            for account, token in tokens.items()
        ]
