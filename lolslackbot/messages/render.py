"""A match, as a channel wants to hear of it -> the message that Slack will be sent."""

from typing import NamedTuple

from lolslackbot.messages.announcement import RenderOptions, announce
from lolslackbot.messages.slack_text import blocks_json, plain_text
from lolslackbot.model import Match, Style


class RenderedMessage(NamedTuple):
    """A message: `text` is complete without `blocks` (Block Kit JSON)."""

    text: str
    blocks: str


def render(match: Match, wording: RenderOptions, style: Style) -> RenderedMessage:
    """Words a match; its participants are those whom the channel tracks, at least one."""
    announcement = announce(match, wording, style)
    return RenderedMessage(plain_text(announcement), blocks_json(announcement))
