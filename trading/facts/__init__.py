"""What the outside says before a buy: the token, the sale of what we would buy, the leader's own fill."""
