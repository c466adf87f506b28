"""The verbs of Scout: runs, rosters, the queue of candidates, and who leaves the roster."""
