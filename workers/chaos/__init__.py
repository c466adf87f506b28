"""Chaos: a platform of its own under load, faults and kill -9, and the chain's ledger as the judge of it."""
