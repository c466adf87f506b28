"""A read-only look at everything outside that is configured: is it there, and what we take it for? Sends nothing."""
