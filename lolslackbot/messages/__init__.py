"""Rendering: one match for one channel -> what Slack is to show. No SQL, no HTTP."""
