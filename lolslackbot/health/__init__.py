"""Whether the bot is well, and why not: status, check, why."""
