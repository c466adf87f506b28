"""What an RPC node has to answer, over HTTP and over its socket."""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from trading.gateways.base import GatewayError, InvalidReply, Refused, Unavailable
from trading.gateways.http import authority_of
from trading.probe import judges
from trading.probe.asking import Answer, Endpoint, checked, row
from trading.probe.findings import Finding, Judgement, broken

BONK = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
NOBODYS_SIGNATURE = "1" * 64
DEAD_BLOCKHASH = "1" * 32
TOKEN_ACCOUNT_BYTES = 165
LATENCY_SAMPLES = 5
UNSUPPORTED = {-32601: "the node does not serve it", -32602: "the node does not take it so"}
CONFIRMED = {"commitment": "confirmed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What was found of one node, and the newest slot that it told."""

    findings: Sequence[Finding]
    slot: int | None


@dataclass(frozen=True, slots=True)
class _Question:
    """A method that the platform uses, asked in a way that changes nothing."""

    check: str
    method: str
    params: Sequence[Any]
    judge: judges.Judge


def _questions(*, is_mainnet_wanted: bool) -> Sequence[_Question]:
    genesis = partial(judges.genesis, is_mainnet_wanted=is_mainnet_wanted)
    history = partial(judges.signatures, is_busy=is_mainnet_wanted)
    newest = {"maxSupportedTransactionVersion": 1, **CONFIRMED}
    nobodys: list[Any] = [[NOBODYS_SIGNATURE], {"searchTransactionHistory": True}]
    return (
        _Question("version", "getVersion", [], judges.version),
        _Question("cluster", "getGenesisHash", [], genesis),
        _Question("rent", "getMinimumBalanceForRentExemption", [TOKEN_ACCOUNT_BYTES], judges.rent),
        _Question(
            "transaction v1",
            "getTransaction",
            [NOBODYS_SIGNATURE, newest],
            judges.no_such_transaction,
        ),
        _Question("statuses", "getSignatureStatuses", nobodys, judges.statuses),
        _Question(
            "blockhash life", "isBlockhashValid", [DEAD_BLOCKHASH, CONFIRMED], judges.liveness
        ),
        _Question("history", "getSignaturesForAddress", [BONK, {"limit": 3}], history),
        _Question("supply", "getTokenSupply", [BONK], judges.supply),
        _Question("holders", "getTokenLargestAccounts", [BONK], judges.largest_accounts),
    )


async def probe_node(endpoint: Endpoint, *, is_mainnet_wanted: bool, slots_seconds: float) -> Node:
    """Every row of one node. Where its health does not answer, nothing more is asked."""
    name = endpoint.name
    first, answer = await checked(name, "health", lambda: endpoint.rpc("getHealth"), judges.health)
    if answer is None and "an answer" in first.expected:
        return Node(findings=[first], slot=None)
    rows = [first]
    for question in _questions(is_mainnet_wanted=is_mainnet_wanted):
        ask = partial(_served, endpoint, question.method, question.params)
        rows.append((await checked(name, question.check, ask, question.judge))[0])
    rows.append(await _expiry(endpoint))
    rows += await _latency_and_clock(endpoint)
    slots, slot = await _slots(endpoint, slots_seconds)
    return Node(findings=[*rows, slots], slot=slot)


async def _served(endpoint: Endpoint, method: str, params: Sequence[Any]) -> Answer:
    """The answer; an error by which a node says that it does not serve the method is put into words."""
    try:
        return await endpoint.rpc(method, *params)
    except Refused as refusal:
        said = UNSUPPORTED.get(refusal.code) if isinstance(refusal.code, int) else None
        if said is None:
            raise
        raise Unavailable(f"{method}: {said} ({refusal})") from None


async def _expiry(endpoint: Endpoint) -> Finding:
    try:
        height = await endpoint.rpc("getBlockHeight", CONFIRMED)
        block_height = int(height.value)
    except (GatewayError, TypeError, ValueError) as error:
        return row(endpoint.name, "blockhash", broken(str(error)[:80], expected="a block height"))
    judge = partial(judges.blockhash, block_height=block_height)
    ask = partial(endpoint.rpc, "getLatestBlockhash", CONFIRMED)
    return (await checked(endpoint.name, "blockhash", ask, judge))[0]


async def _latency_and_clock(endpoint: Endpoint) -> list[Finding]:
    answers = []
    for _ in range(LATENCY_SAMPLES):
        try:
            answers.append(await endpoint.rpc("getSlot", CONFIRMED))
        except GatewayError as error:
            return [row(endpoint.name, "latency", broken(str(error), expected="an answer"))]
    middle = statistics.median(answer.milliseconds for answer in answers)
    found = [row(endpoint.name, "latency", judges.latency(middle))]
    return [*found, *clock(endpoint.name, answers)]


def clock(name: str, answers: Sequence[Answer]) -> list[Finding]:
    """Our clock against the quickest answer's; nothing where the host does not tell its own."""
    told = [answer for answer in answers if answer.drift_seconds is not None]
    if not told:
        return []
    best = min(told, key=lambda answer: answer.milliseconds)
    assert best.drift_seconds is not None
    accuracy = 0.5 + best.milliseconds / 2_000
    judgement = judges.clock_drift(seconds=best.drift_seconds, accuracy_seconds=accuracy)
    return [row(name, "clock", judgement)]


async def _slots(endpoint: Endpoint, watched_seconds: float) -> tuple[Finding, int | None]:
    """How long a slot takes; the newest slot is compared with the other nodes'."""
    try:
        begun, first = time.monotonic(), await endpoint.rpc("getSlot", {"commitment": "processed"})
        await asyncio.sleep(watched_seconds)
        second = await endpoint.rpc("getSlot", {"commitment": "processed"})
        seconds = time.monotonic() - begun
        judgement = judges.slot_time(slots=int(second.value) - int(first.value), seconds=seconds)
    except (GatewayError, TypeError, ValueError) as error:
        return row(endpoint.name, "slots", broken(str(error)[:80], expected="slots")), None
    return row(endpoint.name, "slots", judgement), int(second.value)


def lags(slots: dict[str, int]) -> list[Finding]:
    """Each node's slot against the newest one's; nothing to compare with where there is only one."""
    if len(slots) < 2:
        return []
    newest = max(slots.values())
    return [
        row(name, "slot lag", judges.slot_lag(slot=slot, newest=newest))
        for name, slot in slots.items()
    ]


async def probe_socket(
    session: aiohttp.ClientSession, url: str, *, seconds: float
) -> list[Finding]:
    """Whether slots and leaders' logs can be subscribed to, and slots are really pushed."""
    name = f"socket {authority_of(url)}"
    try:
        async with asyncio.timeout(3 * seconds), session.ws_connect(url) as socket:
            return await _talk(name, socket, seconds)
    except TimeoutError:
        failure = f"no answer within {3 * seconds:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = type(error).__name__
    return [row(name, "connection", broken(failure, expected="a socket"))]


async def _talk(
    name: str, socket: aiohttp.ClientWebSocketResponse, seconds: float
) -> list[Finding]:
    wanted: list[tuple[str, list[Any]]] = [
        ("slotSubscribe", []),
        ("logsSubscribe", [{"mentions": [BONK]}, CONFIRMED]),
    ]
    findings = []
    pushed: list[dict[str, Any]] = []
    for number, (method, params) in enumerate(wanted, start=1):
        await socket.send_json({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        reply = await _next(socket, seconds, lambda m, n=number: m.get("id") == n, aside=pushed)
        findings.append(row(name, method, _judged(judges.subscription, reply)))
    if not pushed:
        push = await _next(socket, seconds, lambda m: "method" in m, aside=[])
        pushed = [push] if push else []
    slot = next((m for m in pushed if m.get("method") == "slotNotification"), None)
    findings.append(row(name, "slot push", _judged(judges.notification, slot)))
    return findings


def _judged(judge: Any, message: dict[str, Any] | None) -> Judgement:
    if message is None:
        return broken("nothing came", expected="a message in time")
    try:
        judgement: Judgement = judge(message)
    except InvalidReply as error:
        return broken(str(error), expected="the agreed shape")
    return judgement


async def _next(
    socket: aiohttp.ClientWebSocketResponse,
    seconds: float,
    is_wanted: Any,
    *,
    aside: list[dict[str, Any]],
) -> dict[str, Any] | None:
    """The next message that is wanted; others are put aside. None when it does not come in time."""
    try:
        async with asyncio.timeout(seconds):
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                parsed = json.loads(message.data)
                if isinstance(parsed, dict) and is_wanted(parsed):
                    return parsed
                if isinstance(parsed, dict):
                    aside.append(parsed)
    except (TimeoutError, ValueError):
        return None
    return None
