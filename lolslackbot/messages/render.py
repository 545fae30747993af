"""A match, as a channel wants to hear of it -> the message that Slack will be sent."""

from dataclasses import dataclass

from lolslackbot.game import Match
from lolslackbot.messages.announcement import RenderOptions, announce
from lolslackbot.messages.slack_text import blocks_json, plain_text
from lolslackbot.model import Style


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message: `text` is complete without `blocks` (Block Kit JSON)."""

    text: str
    blocks: str


def render(match: Match, options: RenderOptions, style: Style) -> RenderedMessage:
    """Renders a match; its participants are those whom the channel tracks, at least one."""
    announcement = announce(match, options, style)
    return RenderedMessage(plain_text(announcement), blocks_json(announcement))
