"""Speaks with Riot: which host, one call a method, what an answer means, how fast. No SQL."""
