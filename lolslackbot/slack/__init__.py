"""Speaks with Slack: one request a post, what an answer means. No SQL."""
