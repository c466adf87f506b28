"""A transaction's instructions as steps, in order of execution: what each moved and which call issued it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from trading.domain.decoding import READ_PROGRAMS, Call, Move, decode
from trading.domain.readings import whole

TOP_LEVEL = -1


class Step(NamedTuple):
    """One instruction, in order of execution; `parent` is the index of the call that issued it, or TOP_LEVEL.

    `top` counts the transaction's own instructions from 0.

    SEND: lamports `source` → `destination`. CREATE: `source` paid `amount` into the new `destination`.
    CLAIM: `destination` was allocated or assigned. OPEN: token account `destination` of `owner` initialised.
    TRANSFER, MINT, BURN: raw token `amount` from `source` to `destination`, empty where there is none.
    CLOSE: token account `source`, its lamports to `destination`. `authority` is who allowed it.
    """

    program: str
    move: Move
    parent: int
    top: int
    source: str = ""
    destination: str = ""
    authority: str = ""
    owner: str = ""
    mint: str = ""
    amount: int = 0


def read_steps(reply: Mapping[str, Any], keys: list[str]) -> tuple[Step, ...]:
    """All instructions of a `getTransaction` result, outer and inner."""
    return build_steps(_calls(reply, keys))


def build_steps(calls: Iterator[Call]) -> tuple[Step, ...]:
    """Each call decoded and told who issued it."""
    steps: list[Step] = []
    # The calls that may still issue others, outermost first: (index, height, accounts).
    open_calls: list[tuple[int, int, frozenset[str]]] = []
    for call in calls:
        parent = _parent(call, open_calls)
        if call.program not in READ_PROGRAMS:
            height = call.height or len(open_calls) + 1
            open_calls.append((len(steps), height, frozenset(call.accounts)))
        steps.extend(
            Step(program=call.program, parent=parent, top=call.top, **fields)
            for fields in decode(call)
        )
    return tuple(steps)


def _calls(reply: Mapping[str, Any], keys: list[str]) -> Iterator[Call]:
    message, meta = reply["transaction"]["message"], reply["meta"]
    inner: dict[int, list[Any]] = {}
    for group in meta.get("innerInstructions") or ():
        inner.setdefault(whole(group["index"], "index"), []).extend(group["instructions"])
    for top, outer in enumerate(message["instructions"]):
        yield _call(outer, keys, top, height=1)
        for each in inner.get(top, ()):
            yield _call(each, keys, top, height=each.get("stackHeight"))


def _call(raw: Mapping[str, Any], keys: list[str], top: int, *, height: Any) -> Call:
    program = raw.get("programId")
    if program is None:
        program = keys[whole(raw["programIdIndex"], "programIdIndex")]
    parsed, accounts = raw.get("parsed"), raw.get("accounts") or []
    if height is not None and program not in READ_PROGRAMS:
        accounts = []  # told by its height who issued what: nothing else is asked of it
    elif accounts and not isinstance(accounts[0], str):
        accounts = [keys[whole(each, "accounts")] for each in accounts]
    return Call(
        program=program,
        accounts=accounts,
        data=raw.get("data") or "",
        parsed=parsed if isinstance(parsed, dict) else None,
        top=top,
        height=None if height is None else whole(height, "stackHeight", low=1, high=64),
    )


def enhanced_calls(instructions: list[Mapping[str, Any]]) -> Iterator[Call]:
    """The instructions of a Helius enhanced transaction: inner ones flat, without heights."""
    for top, outer in enumerate(instructions):
        yield _call(outer, [], top, height=1)
        for each in outer.get("innerInstructions") or ():
            yield _call(each, [], top, height=None)


def _parent(call: Call, open_calls: list[tuple[int, int, frozenset[str]]]) -> int:
    """Who issued the call: by height, else the innermost open call that was given all its accounts.

    A program can hand on only accounts that it was given itself, so a wrong guess is never too far out.
    """
    if call.height is not None:
        while open_calls and open_calls[-1][1] >= call.height:
            open_calls.pop()
    else:
        needed = frozenset(call.accounts) or _parsed_accounts(call.parsed)
        while len(open_calls) > 1 and not needed <= open_calls[-1][2]:
            open_calls.pop()
    return open_calls[-1][0] if open_calls else TOP_LEVEL


def _parsed_accounts(parsed: Mapping[str, Any] | None) -> frozenset[str]:
    info = (parsed or {}).get("info")
    if not isinstance(info, dict):
        return frozenset()
    named = ("source", "destination", "authority", "account", "newAccount")
    return frozenset(info[name] for name in named if isinstance(info.get(name), str))
