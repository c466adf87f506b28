"""Good replies, one for each call of the gateways, in the providers' shapes (formats.md)."""

from typing import Any

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from trading.gateways.jito import TIP_ACCOUNTS

WSOL = "So11111111111111111111111111111111111111112"
BONK = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
OWNER = str(Pubkey.default())


def signed_transfer(payer: Keypair, *, lamports: int = 1) -> bytes:
    step = transfer(
        TransferParams(
            from_pubkey=payer.pubkey(), to_pubkey=Pubkey(b"\x07" * 32), lamports=lamports
        )
    )
    message = MessageV0.try_compile(payer.pubkey(), [step], [], Hash.default())
    return bytes(VersionedTransaction(message, [payer]))


SIGNATURE = str(
    VersionedTransaction.from_bytes(signed_transfer(Keypair.from_seed(b"\x01" * 32))).signatures[0]
)


def at_slot(value: object, slot: int = 100) -> dict[str, object]:
    return {"context": {"slot": slot, "apiVersion": "4.1.2"}, "value": value}


ACCOUNT = {
    "data": ["AQID", "base64"],
    "executable": False,
    "lamports": 5,
    "owner": TOKEN_PROGRAM,
    "rentEpoch": 2**64 - 1,
    "space": 3,
}
INSTRUCTION = {
    "programId": TOKEN_PROGRAM,
    "accounts": [{"pubkey": OWNER, "isSigner": True, "isWritable": True}],
    "data": "CQ==",
}

SAMPLES: dict[str, Any] = {
    "getLatestBlockhash": at_slot({"blockhash": WSOL, "lastValidBlockHeight": 250}),
    "isBlockhashValid": at_slot(True),
    "getBlockHeight": 90,
    "getSlot": 100,
    "getEpochInfo": {
        "absoluteSlot": 100,
        "blockHeight": 90,
        "epoch": 0,
        "slotIndex": 100,
        "slotsInEpoch": 432000,
        "transactionCount": None,
    },
    "getHealth": "ok",
    "getSignatureStatuses": at_slot(
        [
            {
                "slot": 99,
                "confirmations": None,
                "err": {"InstructionError": [0, {"Custom": 6001}]},
                "status": {"Err": {"InstructionError": [0, {"Custom": 6001}]}},
                "confirmationStatus": "finalized",
            },
            None,
        ]
    ),
    "getTransaction": {"slot": 99, "blockTime": None, "meta": {}, "transaction": {}},
    "getSignaturesForAddress": [
        {"signature": SIGNATURE, "slot": 99, "err": None, "memo": None, "blockTime": 1}
    ],
    "getAccountInfo": at_slot(ACCOUNT),
    "getMultipleAccounts": at_slot([ACCOUNT, None]),
    "getBalance": at_slot(5),
    "getTokenAccountsByOwner": at_slot(
        [
            {
                "pubkey": BONK,
                "account": {
                    **ACCOUNT,
                    "data": {
                        "program": "spl-token",
                        "parsed": {
                            "type": "account",
                            "info": {
                                "mint": BONK,
                                "owner": OWNER,
                                "tokenAmount": {
                                    "amount": "12",
                                    "decimals": 5,
                                    "uiAmount": 0.00012,
                                    "uiAmountString": "0.00012",
                                },
                            },
                        },
                        "space": 165,
                    },
                },
            }
        ]
    ),
    "getTokenLargestAccounts": at_slot([{"address": BONK, "amount": "771", "decimals": 2}]),
    "getMinimumBalanceForRentExemption": 2039280,
    "simulateTransaction": at_slot(
        {
            "err": None,
            "logs": ["Program log"],
            "unitsConsumed": 150,
            "accounts": [ACCOUNT],
            "returnData": None,
        }
    ),
    "sendTransaction": SIGNATURE,
    "sendBundle": "892b79ed49138bfb3aa5441f0df6e06ef34f9ee8f3976c15b323605bae0cf51d",
    "getBundleStatuses": at_slot(
        [
            {
                "bundle_id": "a",
                "transactions": [SIGNATURE],
                "slot": 99,
                "confirmation_status": "confirmed",
                "err": {"Ok": None},
            },
            None,
        ]
    ),
    "getInflightBundleStatuses": at_slot(
        [{"bundle_id": "a", "status": "Landed", "landed_slot": 99}]
    ),
    "getTipAccounts": list(TIP_ACCOUNTS),
    "tip_floor": [
        {
            "time": "2026-05-16T03:35:33+00:00",
            "landed_tips_25th_percentile": 2.7362e-06,
            "landed_tips_50th_percentile": 5.517e-06,
            "landed_tips_75th_percentile": 8.1342e-06,
            "landed_tips_95th_percentile": 6.926e-05,
            "landed_tips_99th_percentile": 0.000162477,
            "ema_landed_tips_50th_percentile": 4.1514e-06,
        }
    ],
    "quote": {
        "inputMint": WSOL,
        "inAmount": "100000000",
        "outputMint": BONK,
        "outAmount": "181504770048",
        "otherAmountThreshold": "180597246198",
        "swapMode": "ExactIn",
        "slippageBps": 50,
        "platformFee": None,
        "priceImpactPct": "0.00099",
        "routePlan": [{"swapInfo": {"ammKey": BONK, "label": "X"}, "percent": 100}],
        "contextSlot": 100,
        "timeTaken": 0.0094,
    },
    "swap_instructions": {
        "tokenLedgerInstruction": None,
        "computeBudgetInstructions": [INSTRUCTION],
        "setupInstructions": [INSTRUCTION],
        "swapInstruction": INSTRUCTION,
        "cleanupInstruction": None,
        "otherInstructions": [],
        "addressLookupTableAddresses": [BONK],
    },
    "prices": {
        WSOL: {"usdPrice": 81.63299710462975, "decimals": 9, "blockId": 1, "liquidity": 6.8e8},
        BONK: {"usdPrice": 4.492159735952627e-06, "decimals": 5, "blockId": 1},
    },
    "pairs": {
        "schemaVersion": "1.0.0",
        "pairs": [
            {
                "chainId": "solana",
                "dexId": "raydium",
                "pairAddress": BONK,
                "baseToken": {"address": BONK, "name": "Bonk", "symbol": "BONK"},
                "quoteToken": {"address": WSOL, "name": "Wrapped SOL", "symbol": "SOL"},
                "priceUsd": "0.000004492",
                "liquidity": {"usd": 262150.24, "base": 1, "quote": 1},
                "pairCreatedAt": 1729150711000,
            }
        ],
    },
}
