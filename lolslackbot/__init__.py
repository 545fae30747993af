"""Announces finished League of Legends games in Slack: never twice, nothing lost in silence.

The way the data goes, each hand-over being a commit:

    riot (a match-v5 answer) -> model.Match -> store (a stored match)
    store -> messages (wording) -> store (a pending message)
    store -> slack (one chat.postMessage) -> store (its outcome)
"""

__version__ = "0.1.0"
