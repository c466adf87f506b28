"""The books against the chain: recomputed from the chain's own records, sharing nothing with what wrote them."""
