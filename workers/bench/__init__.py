"""`make bench`: how quick the hot path is, on this machine, measured from outside and from the rows."""
