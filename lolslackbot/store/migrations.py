"""Older database -> this schema, step by step, each in one transaction; and where schema.sql is found."""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

logger = logging.getLogger(__name__)

APPLICATION_ID = 0x4C6F4C53  # "LoLS", as in schema.sql

# STEPS[n] brings a database from schema n to n + 1; each schema change adds one, tested from every earlier schema.
STEPS: dict[int, str] = {
    1: """
        -- What messages say, what channels want to hear, and champions as Data Dragon shows them.
        ALTER TABLE channels ADD COLUMN queues TEXT NOT NULL DEFAULT 'all';
        ALTER TABLE channels ADD COLUMN style TEXT NOT NULL DEFAULT 'full' CHECK (style IN ('full', 'compact'));
        ALTER TABLE matches ADD COLUMN teams INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE participants ADD COLUMN level INTEGER;
        ALTER TABLE participants ADD COLUMN damage INTEGER;
        ALTER TABLE participants ADD COLUMN team_damage INTEGER;
        ALTER TABLE participants ADD COLUMN team_kills INTEGER;
        ALTER TABLE participants ADD COLUMN penta_kills INTEGER;
        ALTER TABLE participants ADD COLUMN subteam INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE participants ADD COLUMN partners TEXT NOT NULL DEFAULT '[]';
        CREATE TABLE unwanted (
            match_id   TEXT NOT NULL REFERENCES matches,
            channel_id TEXT NOT NULL REFERENCES channels,
            queues     TEXT NOT NULL,
            PRIMARY KEY (match_id, channel_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE champions (
            champion_id INTEGER PRIMARY KEY,
            name        TEXT NOT NULL,
            image       TEXT NOT NULL
        ) STRICT;
        CREATE TABLE data_dragon (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            asked_at TEXT NOT NULL,
            problem  TEXT,
            version  TEXT
        ) STRICT;
        -- What happened, and what a person decided.
        CREATE TABLE runs (
            run_id      INTEGER PRIMARY KEY,
            stage       TEXT NOT NULL,
            began_at    TEXT NOT NULL,
            ended_at    TEXT,
            exit_status INTEGER,
            summary     TEXT
        ) STRICT;
        CREATE INDEX runs_by_stage ON runs (stage, run_id);
        CREATE TABLE decisions (
            decision_id INTEGER PRIMARY KEY,
            decided_at  TEXT NOT NULL,
            command     TEXT NOT NULL,
            subject     TEXT NOT NULL,
            change      TEXT NOT NULL
        ) STRICT;
        CREATE INDEX decisions_by_subject ON decisions (subject, decision_id);
        CREATE TABLE alerts (
            problem TEXT PRIMARY KEY,
            said    TEXT NOT NULL,
            since   TEXT NOT NULL,
            seen_at TEXT NOT NULL
        ) STRICT;
    """,
    2: "CREATE INDEX messages_failed ON messages (ended_at) WHERE state = 'failed';",
    3: """
        DROP INDEX riot_calls_by_host;
        DROP INDEX riot_calls_by_endpoint;
        CREATE INDEX riot_calls_by_time ON riot_calls (routing, counts_at, endpoint, open);
    """,
    4: """
        -- Players: why a list cannot be had, as a kind; when the last game was; who moved to another region.
        ALTER TABLE players ADD COLUMN problem_kind TEXT;
        ALTER TABLE players ADD COLUMN last_game_at TEXT;
        ALTER TABLE players ADD COLUMN resolved_at TEXT;
        ALTER TABLE players ADD COLUMN puuid_doubted INTEGER NOT NULL DEFAULT 0 CHECK (puuid_doubted IN (0, 1));
        ALTER TABLE players ADD COLUMN region_asked_at TEXT;
        ALTER TABLE players ADD COLUMN region TEXT;
        UPDATE players SET last_game_at = (
            SELECT MAX(ended_at) FROM listings JOIN matches USING (match_id)
            WHERE listings.player_id = players.player_id
        );
        -- Channels: their names; when their history was compared with the outbox: at each post so far.
        ALTER TABLE channels ADD COLUMN name TEXT;
        ALTER TABLE channels ADD COLUMN reconciled_at TEXT;
        ALTER TABLE channels ADD COLUMN examined_at TEXT;
        ALTER TABLE channels ADD COLUMN slack_id TEXT;
        ALTER TABLE channels ADD COLUMN moved_to TEXT REFERENCES channels;
        UPDATE channels SET reconciled_at = (
            SELECT MAX(claimed_at) FROM messages WHERE messages.channel_id = channels.channel_id
        );
        -- Matches that answer 404, and hosts that answer nothing else.
        ALTER TABLE matches ADD COLUMN missing_since TEXT;
        UPDATE matches SET missing_since = looked_at WHERE state = 'missing';
        ALTER TABLE matches ADD COLUMN bans INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE riot_hosts (
            routing           TEXT PRIMARY KEY,
            match_answered_at TEXT,
            probed_at         TEXT
        ) STRICT;
        -- Messages of unknown outcome.
        ALTER TABLE messages ADD COLUMN unknown_since TEXT;
        ALTER TABLE messages ADD COLUMN lookup_problem TEXT;
        UPDATE messages SET unknown_since = COALESCE(settled_at, claimed_at) WHERE state IN ('sending', 'uncertain');
        CREATE INDEX messages_expired ON messages (settled_at) WHERE state = 'expired';
        -- Channels that are broken, by Slack's code, which until now was the whole reason; and what `check` found.
        ALTER TABLE holds ADD COLUMN code TEXT;
        UPDATE holds SET code = reason WHERE kind = 'broken';
        CREATE TABLE findings (
            what     TEXT PRIMARY KEY,
            scope    TEXT NOT NULL,
            said     TEXT NOT NULL,
            remedy   TEXT NOT NULL,
            found_at TEXT NOT NULL
        ) STRICT;
        -- Runs: why they ended early, as data.
        ALTER TABLE runs ADD COLUMN out_of_time INTEGER NOT NULL DEFAULT 0 CHECK (out_of_time IN (0, 1));
        ALTER TABLE runs ADD COLUMN left_over INTEGER;
        ALTER TABLE runs ADD COLUMN max_seconds REAL;
        ALTER TABLE runs ADD COLUMN clock_ahead REAL;
        -- What may be forgotten, and when that was last done by itself.
        CREATE INDEX matches_with_body ON matches (ended_at) WHERE body IS NOT NULL;
        CREATE INDEX messages_with_text ON messages (ended_at) WHERE text <> '';
        CREATE TABLE prunings (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            began_at TEXT NOT NULL
        ) STRICT;
        -- Alerts that could not be posted.
        ALTER TABLE alerts ADD COLUMN state TEXT NOT NULL DEFAULT 'told' CHECK (state IN ('due', 'told', 'over'));
        ALTER TABLE alerts ADD COLUMN channel_id TEXT;
        ALTER TABLE alerts ADD COLUMN error TEXT;
    """,
    5: """
        -- A hold's scope as kind and id, instead of one text.
        CREATE TABLE holds_6 (
            scope_kind TEXT NOT NULL,
            scope_id   TEXT NOT NULL,
            endpoint   TEXT NOT NULL,
            kind       TEXT NOT NULL CHECK (kind IN ('paused', 'broken', 'limited', 'rejected')),
            reason     TEXT NOT NULL,
            since      TEXT NOT NULL,
            until      TEXT,
            times      INTEGER NOT NULL DEFAULT 1,
            code       TEXT,
            PRIMARY KEY (scope_kind, scope_id, endpoint, kind)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO holds_6
        SELECT
            CASE
                WHEN scope = 'everything' THEN 'everything'
                WHEN scope = 'riot' THEN 'riot_key'
                WHEN scope LIKE 'channel %' THEN 'channel'
                WHEN scope LIKE 'workspace %' THEN 'workspace'
                ELSE 'riot_host'
            END,
            CASE
                WHEN scope IN ('everything', 'riot') THEN ''
                WHEN scope LIKE 'riot % %' THEN substr(scope, 6, instr(substr(scope, 6), ' ') - 1)
                ELSE substr(scope, instr(scope, ' ') + 1)
            END,
            CASE WHEN scope LIKE 'riot % %' THEN substr(scope, 6 + instr(substr(scope, 6), ' ')) ELSE '' END,
            kind, reason, since, until, times, code
        FROM holds;
        DROP TABLE holds;
        ALTER TABLE holds_6 RENAME TO holds;
        CREATE TABLE findings_6 (
            scope_kind TEXT NOT NULL,
            scope_id   TEXT NOT NULL,
            what       TEXT NOT NULL,
            said       TEXT NOT NULL,
            remedy     TEXT NOT NULL,
            found_at   TEXT NOT NULL,
            PRIMARY KEY (scope_kind, scope_id, what)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO findings_6
        SELECT
            CASE
                WHEN scope = 'riot' THEN 'riot_key'
                WHEN scope = 'alerts' THEN 'alert_channel'
                ELSE substr(scope, 1, instr(scope, ' ') - 1)
            END,
            CASE
                WHEN scope = 'riot' THEN ''
                WHEN scope = 'alerts' THEN substr(what, instr(what, ' ') + 1)
                ELSE substr(scope, instr(scope, ' ') + 1)
            END,
            what, said, remedy, found_at
        FROM findings;
        DROP TABLE findings;
        ALTER TABLE findings_6 RENAME TO findings;
        -- Changes of name in a table of their own.
        CREATE TABLE renames (
            rename_id     INTEGER PRIMARY KEY,
            player_id     INTEGER NOT NULL REFERENCES players,
            renamed_at    TEXT NOT NULL,
            old_game_name TEXT NOT NULL,
            old_tag_line  TEXT NOT NULL,
            new_game_name TEXT NOT NULL,
            new_tag_line  TEXT NOT NULL
        ) STRICT;
        INSERT INTO renames (player_id, renamed_at, old_game_name, old_tag_line, new_game_name, new_tag_line)
        SELECT
            player_id, decided_at,
            substr(old, 1, instr(old, '#') - 1), substr(old, instr(old, '#') + 1),
            substr(new, 1, instr(new, '#') - 1), substr(new, instr(new, '#') + 1)
        FROM (
            SELECT
                decision_id, decided_at,
                CAST(substr(subject, instr(subject, ' ') + 1) AS INTEGER) AS player_id,
                substr(change, 1, instr(change, ' -> ') - 1) AS old,
                substr(change, instr(change, ' -> ') + 4) AS new
            FROM decisions WHERE command = 'renamed'
        ) JOIN players USING (player_id)
        ORDER BY decision_id;
        CREATE INDEX renames_by_player ON renames (player_id, rename_id);
        DELETE FROM decisions WHERE command = 'renamed';
        -- Why a match came to nothing, as data; names that say what they count.
        ALTER TABLE matches ADD COLUMN reason_kind TEXT;
        UPDATE matches SET reason_kind = CASE reason
            WHEN 'before tracking' THEN 'before_tracking'
            WHEN 'no longer news' THEN 'no_longer_news'
            WHEN 'no longer news: Riot answered 404, and that host gave no match since' THEN 'host_gave_none'
            WHEN 'unknown platform: no host to ask' THEN 'no_host'
            WHEN 'untracked: it names nobody who is tracked' THEN 'untracked'
            WHEN 'unwanted: no channel that tracked a player in it wanted this queue' THEN 'unwanted'
        END
        WHERE reason IS NOT NULL;
        ALTER TABLE matches RENAME COLUMN looks TO not_found_count;
        ALTER TABLE messages RENAME COLUMN absences TO lookup_misses;
    """,
    6: """
        -- One outbox for everything that is said: its key is (subject, channel), and alerts are messages.
        CREATE TABLE messages_of_all_kinds (
            subject     TEXT NOT NULL,
            channel_id  TEXT NOT NULL REFERENCES channels,
            kind        TEXT NOT NULL CHECK (kind IN ('game', 'live', 'digest', 'reply', 'alert')),
            match_id    TEXT REFERENCES matches,
            workspace   TEXT NOT NULL,
            state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN (
                            'pending', 'sending', 'delivered', 'failed', 'uncertain', 'expired'
                        )),
            attempts    INTEGER NOT NULL DEFAULT 0,
            error       TEXT,
            slack_ts    TEXT,
            text        TEXT NOT NULL,
            blocks      TEXT,
            happened_at TEXT NOT NULL,
            built_at    TEXT NOT NULL,
            claim_token TEXT,
            claimed_at  TEXT,
            settled_at  TEXT,
            lookup_misses INTEGER NOT NULL DEFAULT 0,
            resends     INTEGER NOT NULL DEFAULT 0,
            restored    INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),
            unknown_since TEXT,
            lookup_problem TEXT,
            PRIMARY KEY (subject, channel_id),
            CHECK (kind <> 'game' OR subject = match_id),
            CHECK ((state = 'sending') = (claim_token IS NOT NULL)),
            CHECK (state <> 'delivered' OR slack_ts IS NOT NULL),
            CHECK (state NOT IN ('failed', 'uncertain', 'expired') OR error IS NOT NULL)
        ) STRICT;
        INSERT INTO messages_of_all_kinds
        SELECT match_id, channel_id, 'game', match_id, workspace, state, attempts, error, slack_ts, text, blocks,
               ended_at, built_at, claim_token, claimed_at, settled_at, lookup_misses, resends, restored, unknown_since,
               lookup_problem
        FROM messages ORDER BY rowid;
        DROP TABLE messages;
        ALTER TABLE messages_of_all_kinds RENAME TO messages;
        CREATE INDEX messages_waiting ON messages (channel_id, happened_at) WHERE state = 'pending';
        CREATE INDEX messages_unsettled ON messages (state) WHERE state IN ('sending', 'uncertain');
        CREATE INDEX messages_failed ON messages (happened_at) WHERE state = 'failed';
        CREATE INDEX messages_expired ON messages (settled_at) WHERE state = 'expired';
        CREATE INDEX messages_with_text ON messages (happened_at) WHERE text <> '';
        CREATE INDEX messages_by_match ON messages (match_id) WHERE match_id IS NOT NULL;
        CREATE INDEX messages_by_claim ON messages (channel_id, claimed_at) WHERE claimed_at IS NOT NULL;
        ALTER TABLE participants ADD COLUMN vision_score INTEGER;
        -- What league-v4 says of ranks.
        ALTER TABLE players ADD COLUMN rank_asked_at TEXT;
        ALTER TABLE channels ADD COLUMN ranks INTEGER NOT NULL DEFAULT 1 CHECK (ranks IN (0, 1));
        CREATE TABLE rank_readings (
            player_id INTEGER NOT NULL REFERENCES players,
            queue     TEXT NOT NULL,
            asked_at  TEXT NOT NULL,
            tier      TEXT,
            division  TEXT,
            lp        INTEGER,
            wins      INTEGER,
            losses    INTEGER,
            PRIMARY KEY (player_id, queue, asked_at)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE rank_wanted (
            player_id    INTEGER NOT NULL REFERENCES players,
            match_id     TEXT NOT NULL REFERENCES matches,
            looks        INTEGER NOT NULL DEFAULT 0,
            waits        INTEGER NOT NULL CHECK (waits IN (0, 1)),
            found        INTEGER NOT NULL DEFAULT 0 CHECK (found IN (0, 1)),
            PRIMARY KEY (match_id, player_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE amendments (
            subject    TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            text       TEXT NOT NULL,
            blocks     TEXT,
            made_at    TEXT NOT NULL,
            error      TEXT,
            next_at    TEXT,
            dropped_at TEXT,
            PRIMARY KEY (subject, channel_id)
        ) STRICT;
        -- What nobody was told of yet counts as new, and what was still to be told to be over is told again to be.
        ALTER TABLE alerts RENAME TO alerts_by_post;
        CREATE TABLE alerts (
            problem TEXT PRIMARY KEY,
            said    TEXT NOT NULL,
            since   TEXT NOT NULL,
            channel_id TEXT REFERENCES channels,
            seen_at TEXT NOT NULL,
            state   TEXT NOT NULL DEFAULT 'told' CHECK (state IN ('told', 'over'))
        ) STRICT;
        INSERT INTO alerts SELECT problem, said, since, NULL, seen_at, 'told' FROM alerts_by_post WHERE state <> 'due';
        DROP TABLE alerts_by_post;
    """,
    7: """
        -- The week in one message.
        ALTER TABLE channels ADD COLUMN digest INTEGER NOT NULL DEFAULT 1 CHECK (digest IN (0, 1));
        ALTER TABLE messages ADD COLUMN plainer_blocks TEXT;
        -- Whose list is asked next, where not all can be asked in one tick.
        ALTER TABLE players ADD COLUMN habits TEXT;
        ALTER TABLE players ADD COLUMN expected_at TEXT;
        CREATE INDEX matches_by_end ON matches (ended_at) WHERE ended_at IS NOT NULL;
        CREATE INDEX matches_without_end ON matches (listed_at) WHERE ended_at IS NULL;
    """,
    8: """
        -- Several processes share the work of one run.
        ALTER TABLE runs ADD COLUMN part_of INTEGER REFERENCES runs ON DELETE CASCADE;
        ALTER TABLE runs ADD COLUMN share INTEGER;
        ALTER TABLE runs ADD COLUMN shares INTEGER;
        CREATE INDEX runs_by_whole ON runs (part_of) WHERE part_of IS NOT NULL;
        ALTER TABLE riot_calls ADD COLUMN share INTEGER;
        ALTER TABLE riot_calls ADD COLUMN shares INTEGER;
        CREATE INDEX riot_calls_in_shares ON riot_calls (routing, counts_at) WHERE open = 1 AND shares IS NOT NULL;
        CREATE INDEX players_doubted ON players (player_id) WHERE puuid_doubted = 1;
        CREATE INDEX matches_in_vain ON matches (looked_at)
            WHERE state IN ('missing', 'given_up') AND looked_at IS NOT NULL;
    """,
    9: """
        -- Several hosts share a server.
        ALTER TABLE runs ADD COLUMN host TEXT;
        CREATE TABLE leases (
            stage  TEXT NOT NULL,
            share  INTEGER NOT NULL,
            shares INTEGER NOT NULL,
            owner  TEXT NOT NULL,
            until  TEXT NOT NULL,
            PRIMARY KEY (stage, share)
        ) STRICT, WITHOUT ROWID;
    """,
    10: """
        -- Friends ask the bot in the channel, and hear of games that have begun.
        ALTER TABLE channels ADD COLUMN live INTEGER NOT NULL DEFAULT 0 CHECK (live IN (0, 1));
        ALTER TABLE tracks ADD COLUMN tracked_by TEXT;
        ALTER TABLE messages ADD COLUMN thread_ts TEXT;
        CREATE TABLE inboxes (
            channel_id TEXT PRIMARY KEY REFERENCES channels,
            since      TEXT NOT NULL,
            read_to    TEXT NOT NULL,
            newest     TEXT,
            down_to    TEXT,
            problem    TEXT
        ) STRICT;
        CREATE TABLE requests (
            channel_id TEXT NOT NULL REFERENCES channels,
            slack_ts   TEXT NOT NULL,
            user_id    TEXT NOT NULL,
            words      TEXT NOT NULL,
            read_at    TEXT NOT NULL,
            state      TEXT NOT NULL DEFAULT 'waiting' CHECK (
                state IN ('waiting', 'answered', 'too_many', 'ignored')
            ),
            reason     TEXT,
            settled_at TEXT,
            reaction   TEXT,
            PRIMARY KEY (channel_id, slack_ts),
            CHECK (state <> 'ignored' OR reason IS NOT NULL)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX requests_waiting ON requests (slack_ts) WHERE state = 'waiting';
        CREATE INDEX requests_unseen ON requests (slack_ts) WHERE reaction IS NULL;
        CREATE INDEX requests_by_user ON requests (user_id, slack_ts);
        CREATE TABLE live_games (
            match_id  TEXT PRIMARY KEY,
            seen_at   TEXT NOT NULL,
            began_at  TEXT NOT NULL,
            queue_id  INTEGER NOT NULL,
            game_mode TEXT NOT NULL,
            state     TEXT NOT NULL DEFAULT 'on' CHECK (state IN ('on', 'finished', 'over'))
        ) STRICT;
        CREATE INDEX live_games_on ON live_games (seen_at) WHERE state = 'on';
        CREATE TABLE live_participants (
            match_id    TEXT NOT NULL REFERENCES live_games,
            player_id   INTEGER NOT NULL REFERENCES players,
            team_id     INTEGER NOT NULL,
            champion_id INTEGER NOT NULL,
            PRIMARY KEY (match_id, player_id)
        ) STRICT, WITHOUT ROWID;
    """,
}


@cache
def schema() -> str:
    """The text of schema.sql: beside the package's modules when installed, one folder up in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    for folder in (package, os.path.dirname(package)):
        path = os.path.join(folder, "schema.sql")
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    raise FileNotFoundError(f"schema.sql is neither in {package} nor beside it")


def tables() -> list[str]:
    """The tables of the schema, each after those it refers to."""
    return re.findall(r"^CREATE TABLE (\w+)", schema(), re.MULTILINE)


def newest() -> int:
    """The schema version this program writes, as schema.sql states it."""
    return max(STEPS) + 1


def too_new(path: str, number: int) -> str:
    """Why a newer database is refused."""
    return (
        f"{path} was written by a newer lolslackbot (schema {number}, this one knows {newest()}): "
        "install that version again"
    )


def version(connection: sqlite3.Connection) -> int:
    """The schema version of an open database."""
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file holds nothing at all yet."""
    return not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


def create(connection: sqlite3.Connection) -> None:
    """Makes the schema in an empty file; leaves any other as it is."""
    with _exclusively(connection):
        if is_empty(connection):
            _run(connection, schema())


def upgrade(connection: sqlite3.Connection, path: str) -> None:
    """Brings an older database up to `newest`, all steps in one transaction: all of them or none."""
    if version(connection) >= newest():
        return
    with _exclusively(connection):
        for number in range(version(connection), newest()):  # read under the lock: another process may have done it
            logger.info("upgrading %s from schema %d to %d", path, number, number + 1)
            _run(connection, STEPS[number])
            connection.execute(f"PRAGMA user_version = {number + 1}")


@contextmanager
def _exclusively(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Runs a script statement by statement: executescript would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    assert not statement.strip(), "a script ends with a semicolon"
