"""Paper mode: real quotes and facts, and nothing is ever sent."""
