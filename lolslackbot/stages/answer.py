"""Slack -> store -> outbox: what people asked in a channel is read, done once, and answered in its thread."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, Exit, Rejected, RunAborted, TemporaryError
from lolslackbot.model import MessageKind
from lolslackbot.slack.answers import Posted, SlackProblem, SlackVerdict
from lolslackbot.stages.reconcile import Histories, lookup_problem_of
from lolslackbot.stages.run import Run
from lolslackbot.store import holds, outbox, requests, restores
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft
from lolslackbot.store.requests import Inbox, Request

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

STAGE = "answer"
OBEYED_WITHIN = timedelta(minutes=30)  # after it was said
MOST = 5  # requests of one person that are obeyed
SPAN = timedelta(minutes=10)  # within
TICK = timedelta(minutes=3)  # cron's
UNREADABLE = 3  # channels in a row; then the others of the workspace wait for the next run
OVERLAP = timedelta(minutes=1)  # that is read again, in case Slack shows a message late
SEEN = "eyes"  # the emoji that says so
TOO_OLD = f"older than {OBEYED_WITHIN // timedelta(minutes=1)} minutes when it was read"
TOO_MANY = (
    f"That is more than I can do at once: at most {MOST} requests of one person in "
    f"{SPAN // timedelta(minutes=1)} minutes. Ask again a little later."
)
TOO_LATE = "I could not do that for half an hour. Please ask again."

Confirm = Callable[[str], None]  # writes the answer, as the text of a message, inside a transaction
Obey = Callable[[Request, Confirm], None]  # raises RunAborted where it has to wait for a later run


def answer(db: Database, client: "Callable[[str], SlackClient]", run: Run, obey: Obey) -> None:
    """Reads what was said since the last run, then works off what was asked, oldest first."""
    answering = _Answering(db, client, run, obey)
    for inbox in _in_turn(requests.inboxes(db), run.clock.now()):
        with run.item(inbox.channel_id):
            answering.read(inbox)
    for request in requests.unseen(db, run.clock.now() - OBEYED_WITHIN):  # where the last run died
        with run.item(request.channel_id, request.asked.slack_ts):
            answering.show_seen(request)
    for request in requests.waiting(db):
        if run.budget.spent():
            run.runs_out_of_time()
            break
        with run.item(request.channel_id, request.asked.slack_ts, record=partial(requests.postpone, db, request)):
            answering.work_off(request)


class _Answering:
    """One run over all channels in which people may ask."""

    def __init__(self, db: Database, client: "Callable[[str], SlackClient]", run: Run, obey: Obey) -> None:
        self._db, self._client, self._run, self._obey = db, client, run, obey
        self._histories = Histories(db, client, run)
        self._stopped: set[str] = set()  # workspaces whose channels are read no further in this run
        self._unreadable: Counter[str] = Counter()  # channels in a row that could not be read, by workspace
        self._unshown: dict[str, str | None] = {}  # why a workspace shows no reactions; None: not in this run

    # Reading

    def read(self, inbox: Inbox) -> None:
        """To the end, or as far as time and Slack allow: each page is one commit, and the next run goes on there."""
        if inbox.workspace in self._stopped:
            return
        try:
            if inbox.down_to:  # a reading that was cut off; what was said since is read after it
                self._read_pages(inbox)
            if (current := requests.inbox(self._db, inbox.channel_id)) and not current.down_to:
                self._read_pages(current)
        except (SlackProblem, ConfigError) as problem:
            self._cannot_read(inbox, problem)
        else:
            self._unreadable[inbox.workspace] = 0

    def _read_pages(self, inbox: Inbox) -> None:
        """From the newest back, or on from where it was cut off."""
        oldest = max(
            requests.ts_before(inbox.read_to, OVERLAP), requests.ts_of(self._run.clock.now() - requests.LOOK_BACK)
        )
        between, cursor, is_read = (oldest, inbox.down_to), None, False
        following: Inbox | None = inbox
        while following and not is_read:
            if self._run.budget.spent():
                self._run.runs_out_of_time()
                return
            cursor = self._read_page(following, between, cursor)
            is_read = cursor is None
            following = requests.inbox(self._db, inbox.channel_id)

    def _read_page(self, inbox: Inbox, between: tuple[str, str | None], cursor: str | None) -> str | None:
        """Where the next page begins; None after the last."""
        client, us = self._client(inbox.workspace), self._histories.us(inbox.workspace)
        page = self._histories.by_either_id(
            inbox.channel_id, lambda known_as: client.said(known_as, between, cursor, us)
        )
        newest = inbox.newest or page.newest or inbox.read_to
        down_to = (page.oldest or inbox.down_to) if page.cursor else None
        if page.cursor and page.cursor == cursor:
            raise SlackProblem(SlackVerdict.UNCERTAIN, "a history that goes on with the same page")
        if page.cursor and not down_to:
            return page.cursor  # an empty page, and nothing read before it to go on from
        requests.keep_page(self._db, inbox, page.asked, down_to, newest, self._run.clock.now())
        return page.cursor

    def _cannot_read(self, inbox: Inbox, problem: SlackProblem | ConfigError) -> None:
        """What lasts is that channel's, and for a person; the rest is tried again in the next run."""
        logger.warning("what is said there cannot be read: %s", problem, exc_info=problem)
        self._run.note(f"{inbox.channel_id} cannot be read: {problem}")
        if lookup_problem_of(problem).lasts:
            requests.record_problem(self._db, inbox.channel_id, str(problem))
            self._run.failed(str(problem), 1, f"requests unread {inbox.channel_id}")
            return
        self._unreadable[inbox.workspace] += 1
        of_one = isinstance(problem, SlackProblem) and problem.verdict is SlackVerdict.UNCERTAIN
        if not of_one or self._unreadable[inbox.workspace] >= UNREADABLE:
            self._stopped.add(inbox.workspace)
        self._histories.failed(problem, inbox.workspace)

    # Working off

    def work_off(self, request: Request) -> None:
        """One request: its effect and its answer in one commit; then the reaction."""
        now, asked = self._run.clock.now(), request.asked
        logger.debug("%s asked at %s: %r", asked.user_id, text_of(asked.at), asked.words)
        if reason := self._refusal_of(request):
            requests.ignore(self._db, request, reason, now)
            logger.info("ignored: %s", reason)
            self._run.count("ignored")
        elif requests.number_obeyed(self._db, request, SPAN) >= MOST:
            self._refuse(request)
        elif now - asked.at > OBEYED_WITHIN:
            with self._db.transaction():
                self._confirm(request, TOO_LATE)
            logger.warning("could not be done in time: the person is told to ask again")
        else:
            self._try(request)

    def _refusal_of(self, request: Request) -> str | None:
        """Why nothing at all follows from it."""
        inbox = requests.inbox(self._db, request.channel_id)
        if inbox is None or request.asked.at < inbox.since:
            return "said before requests were switched on"
        if restores.since(self._db, request.asked.at):
            return "said before a restore"
        if request.read_at - request.asked.at > OBEYED_WITHIN:
            return TOO_OLD
        return None

    def _refuse(self, request: Request) -> None:
        """Of all that is too much, the person is told once."""
        with self._db.transaction():
            if not requests.was_refused(self._db, request, SPAN):
                self._add_reply(request, TOO_MANY)
            requests.refuse(self._db, request, self._run.clock.now())
        logger.info("refused: the person had asked too much of late")
        self._run.count("refused")

    def _try(self, request: Request) -> None:
        try:
            self._obey(request, lambda text: self._confirm(request, text))
        except (TemporaryError, Rejected, ConfigError) as problem:
            requests.postpone(self._db, request, str(problem))
            logger.warning("waits for the next run: %s", problem, exc_info=problem)
            self._run.count("waiting")
            self._end_with(problem)
            return
        logger.info("answered")
        self._run.count("answered")
        self.show_seen(request)

    def _end_with(self, problem: RunAborted) -> None:
        if not isinstance(problem, Rejected):
            self._run.ends_with(problem.exit_status, str(problem))
            return
        self._run.ends_with(Exit.REJECTED, str(problem), holds.key_of(holds.RIOT_KEY, "rejected"))
        with self._db.transaction():
            holds.put_first(self._db, holds.RIOT_KEY, "rejected", str(problem), self._run.clock.now())

    def _confirm(self, request: Request, text: str) -> None:
        """Inside the transaction of its effect."""
        self._add_reply(request, text)
        requests.settle(self._db, request, self._run.clock.now())

    def _add_reply(self, request: Request, text: str) -> None:
        now, slack_ts = self._run.clock.now(), request.asked.slack_ts
        draft = Draft(request.channel_id, request.workspace, text, None, thread_ts=slack_ts)
        outbox.add_other(self._db, f"reply {slack_ts}", MessageKind.REPLY, draft, now, now)

    # Reactions

    def show_seen(self, request: Request) -> None:
        """It may be made again, so what is not known to show is tried in the next run. Nothing depends on it."""
        workspace = request.workspace
        if workspace in self._unshown:
            if (reason := self._unshown[workspace]) is not None:
                requests.mark_seen(self._db, request, reason)
            return
        try:
            client = self._client(workspace)
        except ConfigError as error:
            logger.debug("no reaction: %s", error, exc_info=True)
            return
        posted = self._histories.by_either_id(
            request.channel_id, lambda known_as: client.react(known_as, request.asked.slack_ts, SEEN)
        )
        if posted.verdict is SlackVerdict.DELIVERED:
            requests.mark_seen(self._db, request, SEEN)
        elif posted.verdict in (SlackVerdict.MESSAGE_REFUSED, SlackVerdict.CHANNEL_BROKEN):
            requests.mark_seen(self._db, request, posted.error)
        else:
            self._unshown[workspace] = posted.error if _lasts(posted) else None
            if _lasts(posted):
                requests.mark_seen(self._db, request, posted.error)
            logger.info("no reaction: %s", posted.error)


def _in_turn(inboxes: list[Inbox], now: datetime) -> list[Inbox]:
    """All of them, in each tick another one first: a channel that holds up the rest does so for no other long."""
    first = int(now.timestamp() // TICK.total_seconds()) % len(inboxes) if inboxes else 0
    return inboxes[first:] + inboxes[:first]


def _lasts(posted: Posted) -> bool:
    """Whether no later run can show it either, until somebody gives the app that scope."""
    return SlackProblem(posted.verdict, posted.error, code=posted.code).lookup_problem.lasts
