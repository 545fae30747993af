-- The whole memory of lolslackbot: one SQLite file, or a schema on a PostgreSQL server. Every promise that must hold
-- between two processes (nothing announced twice, limits kept, who is held back) is a row or a constraint in here.
--
-- Times are UTC text with milliseconds, 2026-11-23T02:26:43.120Z: readable, and they sort as they happened.
-- `user_version` is the number of this schema; `lolslackbot/store/migrations.py` brings older files up to it.
PRAGMA application_id = 1282362451;  -- "LoLS": tells our file from any other SQLite file
PRAGMA user_version = 11;

-- A League account that is, or once was, tracked. The row outlives its tracks, so that history stays explained.
CREATE TABLE players (
    player_id     INTEGER PRIMARY KEY,      -- ours: a puuid changes with the API key, this does not
    puuid         TEXT NOT NULL UNIQUE,     -- account-v1: 78 characters, encrypted for one key family
    game_name     TEXT NOT NULL,            -- Riot ID is game_name#tag_line; follows what match-v5 says
    tag_line      TEXT NOT NULL,
    named_at      TEXT NOT NULL,            -- how old that name is: an older match never renames
    platform      TEXT NOT NULL,            -- 'euw1', …: decides which regional host is asked
    listed_at     TEXT,                     -- when Riot was last asked for this player's matches
    problem       TEXT,                     -- why that list cannot be had (404, other key, odd ids), or NULL
    problem_since TEXT,
    problem_kind  TEXT,                     -- the kind of that problem, an enum in model.py; NULL: none, or from schema 4
    last_game_at  TEXT,                     -- end of the newest game known, also of one that is not announced
    resolved_at   TEXT,                     -- when account-v1 was last asked for the puuid again, by Riot ID
    puuid_doubted INTEGER NOT NULL DEFAULT 0 CHECK (puuid_doubted IN (0, 1)),  -- 1: the key changed, list before matches
    region_asked_at TEXT,                   -- when account-v1 was last asked where this player plays
    region        TEXT,                     -- its answer where that is not `platform`: the player moved; else NULL
    rank_asked_at TEXT,                     -- when league-v4 was last asked, whatever came of it
    habits        TEXT,                     -- JSON: how many games ended in each hour of the day, as of when; poll.py
    expected_at   TEXT                      -- when another answer said that a game was played which no list has yet
) STRICT;

-- Whose list is asked next: the longest unasked first.
CREATE INDEX players_by_listing ON players (listed_at);
CREATE INDEX players_doubted ON players (player_id) WHERE puuid_doubted = 1;

-- A Slack channel that was named in a track. Its id is Slack's own and belongs to one workspace.
CREATE TABLE channels (
    channel_id TEXT PRIMARY KEY,
    workspace  TEXT NOT NULL DEFAULT 'default',  -- which bot token speaks here
    queues     TEXT NOT NULL DEFAULT 'all',      -- what it wants to hear of: kinds of queues and queue ids, by comma
    style      TEXT NOT NULL DEFAULT 'full' CHECK (style IN ('full', 'compact')),
    name       TEXT,                             -- as Slack last gave it, without '#'; NULL: Slack never told
    reconciled_at TEXT,                          -- when its history was last compared with the outbox; NULL: before a post
    examined_at TEXT,                            -- when `deliver` last asked whether a broken channel is well again
    slack_id   TEXT,                             -- the id under which Slack filed a message posted here; NULL: this one
    moved_to   TEXT REFERENCES channels,         -- the channel that this one became; NULL: it is still itself
    ranks      INTEGER NOT NULL DEFAULT 1 CHECK (ranks IN (0, 1)), -- whether it wants to hear of ranks
    digest     INTEGER NOT NULL DEFAULT 1 CHECK (digest IN (0, 1)), -- whether it wants each week in one message
    live       INTEGER NOT NULL DEFAULT 0 CHECK (live IN (0, 1))   -- whether it wants to hear that a game has begun
) STRICT;

-- A channel in which people may ask the bot, and how far what is said there was read. `ts` is Slack's, as Slack wrote it.
CREATE TABLE inboxes (
    channel_id TEXT PRIMARY KEY REFERENCES channels,
    since      TEXT NOT NULL,               -- what was said before is not obeyed
    read_to    TEXT NOT NULL,               -- a ts: all up to it was read
    newest     TEXT,                        -- a ts: a reading, from the newest back, was cut off: where it began,
    down_to    TEXT,                        --   and how far it came; NULL: none was
    problem    TEXT                         -- why it could not be read last; NULL: it could
) STRICT;

-- What somebody asked of the bot in a channel, known by the `ts` of that message. Nothing else that is said there is kept.
CREATE TABLE requests (
    channel_id TEXT NOT NULL REFERENCES channels,
    slack_ts   TEXT NOT NULL,
    user_id    TEXT NOT NULL,               -- Slack's, of whoever asked
    words      TEXT NOT NULL,               -- what follows the bot's name
    read_at    TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN (
                   'waiting',
                   'answered',              -- its effect and its answer in the outbox are one commit
                   'too_many',              -- the person had asked too much of late, and is told so once
                   'ignored'                -- `reason` says why
               )),
    reason     TEXT,                        -- waiting: why it was not done yet
    settled_at TEXT,
    reaction   TEXT,                        -- how showing that it was seen ended; NULL: still to do
    PRIMARY KEY (channel_id, slack_ts),
    CHECK (state <> 'ignored' OR reason IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_waiting ON requests (slack_ts) WHERE state = 'waiting';
CREATE INDEX requests_unseen ON requests (slack_ts) WHERE reaction IS NULL;
CREATE INDEX requests_by_user ON requests (user_id, slack_ts);

-- "Announce this player's games in this channel."
CREATE TABLE tracks (
    player_id  INTEGER NOT NULL REFERENCES players,
    channel_id TEXT NOT NULL REFERENCES channels,
    since      TEXT NOT NULL,               -- a game that ended before this moment is never announced here
    tracked_by TEXT,                        -- Slack's id of who asked for it in the channel; NULL: the operator
    PRIMARY KEY (player_id, channel_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tracks_by_channel ON tracks (channel_id);

-- The ledger: every match id that Riot ever listed, and what became of it. It, not a pointer, decides what is new.
CREATE TABLE matches (
    match_id     TEXT PRIMARY KEY,          -- 'EUW1_7376970903'
    platform     TEXT NOT NULL,             -- 'euw1', from the id: a match stays where it was played
    game_id      INTEGER NOT NULL,          -- the number in the id; grows with time on one platform
    state        TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN (
                     'wanted',              -- listed, its body is still to be asked for
                     'stored',              -- body and columns are here
                     'missing',             -- 404; looked for again at next_look_at, never if that is NULL
                     'given_up'             -- will not be announced, `reason` says why
                 )),
    reason       TEXT,                      -- given_up: why; wanted, missing: how the last look ended
    listed_at    TEXT NOT NULL,
    not_found_count INTEGER NOT NULL DEFAULT 0, -- answers 404 so far
    failures     INTEGER NOT NULL DEFAULT 0,   -- server faults in a row so far
    looked_at    TEXT,                      -- when Riot was last asked for it
    next_look_at TEXT,                      -- not before this moment; NULL: nothing left to do
    -- What messages and stories need of a stored match:
    queue_id     INTEGER,
    game_mode    TEXT,
    outcome      TEXT CHECK (outcome IN ('decided', 'surrendered', 'remake', 'nobody_won')),
    duration     INTEGER,                   -- seconds
    ended_at     TEXT,
    body         BLOB,                      -- the whole answer, as `store/bodies.py` packs it; NULL once pruned
    built_at     TEXT,                      -- when its messages were made; NULL: still to do
    teams        INTEGER NOT NULL DEFAULT 0,   -- Arena: how many there were; 0 elsewhere
    missing_since TEXT,                     -- when Riot first answered 404
    bans         INTEGER NOT NULL DEFAULT 0,   -- turns to ban a champion: queue 900 is ARURF without, URF with them
    reason_kind  TEXT,                      -- the kind of `reason`, an enum in store/reasons.py; NULL: none of those
    CHECK (state <> 'given_up' OR reason IS NOT NULL),
    CHECK (state <> 'stored' OR ended_at IS NOT NULL)
) STRICT;

-- The three work queues, so that a tick costs what is new and not what is known:
CREATE INDEX matches_to_fetch ON matches (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE INDEX matches_to_build ON matches (ended_at) WHERE state = 'stored' AND built_at IS NULL;
-- The games of a week, and those of which nobody knows when they ended.
CREATE INDEX matches_by_end ON matches (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX matches_without_end ON matches (listed_at) WHERE ended_at IS NULL;
-- What was asked for in vain, for `status`.
CREATE INDEX matches_in_vain ON matches (looked_at) WHERE state IN ('missing', 'given_up') AND looked_at IS NOT NULL;
-- What `prune` may still forget, here and of messages.
CREATE INDEX matches_with_body ON matches (ended_at) WHERE body IS NOT NULL;

-- What league-v4 said of a player's rank, only added to; `rank.py` says what that proves. Thinned by `prune`.
CREATE TABLE rank_readings (
    player_id INTEGER NOT NULL REFERENCES players,
    queue     TEXT NOT NULL,                -- 'RANKED_SOLO_5x5', 'RANKED_FLEX_SR', 'other ranked'
    asked_at  TEXT NOT NULL,                -- before the request was sent
    tier      TEXT,                         -- 'GOLD'; NULL: it answered, and there was no entry
    division  TEXT,                         -- 'IV' to 'I'; '' in the apex tiers
    lp        INTEGER,
    wins      INTEGER,
    losses    INTEGER,
    PRIMARY KEY (player_id, queue, asked_at)
) STRICT, WITHOUT ROWID;

-- A ranked game after which a player's rank is looked for, until it is known or was looked for often enough.
CREATE TABLE rank_wanted (
    player_id    INTEGER NOT NULL REFERENCES players,
    match_id     TEXT NOT NULL REFERENCES matches,
    looks        INTEGER NOT NULL DEFAULT 0,
    waits        INTEGER NOT NULL CHECK (waits IN (0, 1)),  -- whether messages wait for it; not for who had no rank yet
    found        INTEGER NOT NULL DEFAULT 0 CHECK (found IN (0, 1)),  -- 1: known, and messages were built without
    PRIMARY KEY (match_id, player_id)
) STRICT, WITHOUT ROWID;

-- Which player's list a match id came from: old ids of one list are given up together.
CREATE TABLE listings (
    player_id INTEGER NOT NULL REFERENCES players,
    match_id  TEXT NOT NULL REFERENCES matches,
    PRIMARY KEY (player_id, match_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX listings_by_match ON listings (match_id);

-- A known player in a stored match, with what a message says of them (match-v5 `info.participants`).
CREATE TABLE participants (
    match_id      TEXT NOT NULL REFERENCES matches,
    player_id     INTEGER NOT NULL REFERENCES players,
    name          TEXT NOT NULL,            -- as it was in that game
    team_id       INTEGER NOT NULL,         -- 100 blue, 200 red; other values outside team modes
    champion_id   INTEGER NOT NULL,
    champion_name TEXT NOT NULL,
    team_position TEXT NOT NULL,            -- TOP JUNGLE MIDDLE BOTTOM UTILITY, or '' where there are no roles
    win           INTEGER NOT NULL CHECK (win IN (0, 1)),   -- as Riot says; read it with `outcome` and `placement`
    placement     INTEGER NOT NULL,         -- Arena: 1 is first; 0 elsewhere
    kills         INTEGER NOT NULL,
    deaths        INTEGER NOT NULL,
    assists       INTEGER NOT NULL,
    -- NULL where the answer lacked them, or where they mean nothing:
    creep_score   INTEGER,                  -- lane minions and jungle monsters
    level         INTEGER,
    damage        INTEGER,                  -- to champions
    team_damage   INTEGER,                  -- of the whole team, bots and strangers too
    team_kills    INTEGER,
    penta_kills   INTEGER,
    vision_score  INTEGER,
    subteam       INTEGER NOT NULL DEFAULT 0,     -- Arena: who played together; 0 elsewhere
    partners      TEXT NOT NULL DEFAULT '[]',     -- Arena: [[champion_id, champion_name], …] of the others in it
    PRIMARY KEY (match_id, player_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX participants_by_player ON participants (player_id);

-- The outbox: all that the bot says. The primary key is the promise that nothing is said twice in a channel; with a colon
-- between, it is also the key in the metadata of the post, by which it is found again.
--
--   kind      subject                          is about                  is news for
--   game      'EUW1_7376970903'                a finished match          LOLSLACKBOT_ANNOUNCE_WITHIN
--   live      'live EUW1_7376970903'           a match that has begun    ten minutes after it was first seen
--   digest    'week 2026-W48'                  a channel's week          two days after it was made
--   reply     'reply 1764000000.000100'        what somebody asked       half an hour after it was made
--   alert     'riot rejected since 2026-…'     a problem, or its end     a day after it was made
CREATE TABLE messages (
    subject     TEXT NOT NULL,
    channel_id  TEXT NOT NULL REFERENCES channels,
    kind        TEXT NOT NULL CHECK (kind IN ('game', 'live', 'digest', 'reply', 'alert')),
    match_id    TEXT REFERENCES matches,    -- NULL where it is about none
    workspace   TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN (
                    'pending',              -- waits its turn; certainly not in Slack
                    'sending',              -- claimed: one request is being made, or its process died
                    'delivered',            -- Slack confirmed it, `slack_ts` is the receipt
                    'failed',               -- Slack refused it, `error` says why; certainly not in Slack
                    'uncertain',            -- Slack may or may not have it; looked up before anything else
                    'expired'               -- no longer news, or of no use any more (`error`)
                )),
    attempts    INTEGER NOT NULL DEFAULT 0, -- claims that made a request
    error       TEXT,                       -- the last thing that went wrong, why it will not go out, or that another
                                            -- run of this bot had posted it
    slack_ts    TEXT,                       -- Slack's `ts`: with the channel, the message's identity there
    text        TEXT NOT NULL,
    blocks      TEXT,                       -- Block Kit JSON; NULL: plain text only
    plainer_blocks TEXT,                    -- what takes their place if Slack refuses them; NULL: plain text
    happened_at TEXT NOT NULL,              -- the game's or the week's end: order in the channel, how long a game is news
    built_at    TEXT NOT NULL,
    claim_token TEXT,                       -- whose claim it is: an outcome is written against it only
    claimed_at  TEXT,
    settled_at  TEXT,                       -- when the outcome was recorded
    lookup_misses INTEGER NOT NULL DEFAULT 0, -- uncertain: runs that read the channel's history and did not find it
    resends     INTEGER NOT NULL DEFAULT 0, -- times it went out again after not being found; at most 1
    restored    INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),  -- 1: doubted since, and because of, a restore
    unknown_since TEXT,                     -- when the outcome of an attempt became unknown; kept, whatever comes after
    lookup_problem TEXT,                    -- uncertain: why the history cannot be read, an enum in model.py; NULL: it can
    thread_ts   TEXT,                       -- reply: the `ts` of the message under which it stands
    PRIMARY KEY (subject, channel_id),
    CHECK (kind <> 'game' OR subject = match_id),
    CHECK ((state = 'sending') = (claim_token IS NOT NULL)),
    CHECK (state <> 'delivered' OR slack_ts IS NOT NULL),
    CHECK (state NOT IN ('failed', 'uncertain', 'expired') OR error IS NOT NULL)
) STRICT;

-- Next message of a channel, what happened first in front; and the handful that need settling.
CREATE INDEX messages_waiting ON messages (channel_id, happened_at) WHERE state = 'pending';
CREATE INDEX messages_unsettled ON messages (state) WHERE state IN ('sending', 'uncertain');
-- What failed of late, for a person.
CREATE INDEX messages_failed ON messages (happened_at) WHERE state = 'failed';
-- What expired of late, for a person.
CREATE INDEX messages_expired ON messages (settled_at) WHERE state = 'expired';
CREATE INDEX messages_with_text ON messages (happened_at) WHERE text <> '';
-- All that was said about a match.
CREATE INDEX messages_by_match ON messages (match_id) WHERE match_id IS NOT NULL;
-- How many went to a channel of late (flood guard, one a second).
CREATE INDEX messages_by_claim ON messages (channel_id, claimed_at) WHERE claimed_at IS NOT NULL;

-- What a delivered message should say instead, since more is known now (a rank). The newest only; it goes once Slack shows it.
CREATE TABLE amendments (
    subject    TEXT NOT NULL,               -- with `channel_id` the message
    channel_id TEXT NOT NULL,
    text       TEXT NOT NULL,
    blocks     TEXT,
    made_at    TEXT NOT NULL,
    error      TEXT,                        -- how the last edit ended, or why it was dropped
    next_at    TEXT,                        -- not before: Slack said "too fast"
    dropped_at TEXT,                        -- NULL: it waits
    PRIMARY KEY (subject, channel_id)
) STRICT;

-- A match that was seen while it was played, by spectator-v5. Whether it ever comes to match-v5 is not known.
CREATE TABLE live_games (
    match_id  TEXT PRIMARY KEY,             -- as match-v5 will call it
    seen_at   TEXT NOT NULL,                -- first
    began_at  TEXT NOT NULL,                -- `gameStartTime`
    queue_id  INTEGER NOT NULL,
    game_mode TEXT NOT NULL,
    state     TEXT NOT NULL DEFAULT 'on' CHECK (state IN (
                  'on',
                  'finished',               -- its result was announced
                  'over'                    -- no result came in time
              ))
) STRICT;

CREATE INDEX live_games_on ON live_games (seen_at) WHERE state = 'on';

CREATE TABLE live_participants (
    match_id    TEXT NOT NULL REFERENCES live_games,
    player_id   INTEGER NOT NULL REFERENCES players,
    team_id     INTEGER NOT NULL,           -- 100 blue, 200 red
    champion_id INTEGER NOT NULL,
    PRIMARY KEY (match_id, player_id)
) STRICT, WITHOUT ROWID;

-- A stored match that a channel heard nothing of although it tracks a player in it, since it does not want that queue.
CREATE TABLE unwanted (
    match_id   TEXT NOT NULL REFERENCES matches,
    channel_id TEXT NOT NULL REFERENCES channels,
    queues     TEXT NOT NULL,               -- what the channel wanted to hear of at that time
    PRIMARY KEY (match_id, channel_id)
) STRICT, WITHOUT ROWID;

-- What holds work back: why, since when, until when.
--
--   scope_kind  scope_id   endpoint  kind
--   everything                       paused    `pause`; until `resume`
--   channel     'C0123'              paused    the same for one channel
--                                    broken    Slack refuses the channel; until `deliver` or `check` sees that it works
--                                              again, or a person runs `retry --channel`
--                                    limited   Slack said "too fast"
--   workspace   'default'            limited   more than one of its channels was told so
--                                    rejected  Slack refused its token
--   riot_key                         rejected  Riot refused the API key
--   riot_host   'europe'             limited   429 for the application at that host
--   riot_host   'europe'   'match'   limited   429 for one endpoint at that host
CREATE TABLE holds (
    scope_kind TEXT NOT NULL,               -- an enum in store/holds.py
    scope_id   TEXT NOT NULL,               -- '' where there is only one
    endpoint   TEXT NOT NULL,               -- '' where the whole scope is held
    kind       TEXT NOT NULL CHECK (kind IN ('paused', 'broken', 'limited', 'rejected')),
    reason     TEXT NOT NULL,
    since      TEXT NOT NULL,               -- later than now: the clock was set back, and the hold moves with it
    until      TEXT,                        -- NULL: until it is lifted; in the past: over, kept to explain
    times      INTEGER NOT NULL DEFAULT 1,  -- in a row: the back-off grows with it where Riot names no time
    code       TEXT,                        -- broken: Slack's error code
    PRIMARY KEY (scope_kind, scope_id, endpoint, kind)
) STRICT, WITHOUT ROWID;

-- What `check` last found wrong with a key, a token or a channel. A row goes when that is seen to work again.
CREATE TABLE findings (
    scope_kind TEXT NOT NULL,               -- as in `holds`, or 'alert_channel': only alerts go to that channel
    scope_id   TEXT NOT NULL,
    what       TEXT NOT NULL,               -- as `check` names it: 'Riot key', 'channel C0123', …
    said       TEXT NOT NULL,
    remedy     TEXT NOT NULL,
    found_at   TEXT NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, what)
) STRICT, WITHOUT ROWID;

-- When a backup was put back. What ended before may have been announced by the database it replaced.
CREATE TABLE restores (
    restored_at TEXT PRIMARY KEY            -- at least the end of every game known then: clocks can be behind
) STRICT;

-- Champions as Data Dragon shows them: the names that people see, and the files of their pictures.
CREATE TABLE champions (
    champion_id INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    image       TEXT NOT NULL               -- 'MonkeyKing.png'
) STRICT;

-- When Data Dragon was asked, and how that ended. One row; none: never.
CREATE TABLE data_dragon (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    asked_at TEXT NOT NULL,                 -- written before it is asked: a run that dies then does not ask again
    problem  TEXT,                          -- why it brought nothing, NULL if it did
    version  TEXT                           -- of `champions`, '16.23.1'; NULL: there are none yet
) STRICT;

-- Riot's rate limits as its headers last stated them. endpoint '' is the application's own limit at that host.
CREATE TABLE riot_windows (
    routing     TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    seconds     INTEGER NOT NULL CHECK (seconds > 0),
    calls       INTEGER NOT NULL CHECK (calls > 0),
    extra_calls INTEGER NOT NULL DEFAULT 0, -- counted by Riot beyond the calls we know of (another user of the key)
    extra_at    TEXT,                       -- when it said so
    PRIMARY KEY (routing, endpoint, seconds)
) STRICT, WITHOUT ROWID;

-- Each call to Riot, reserved before it is sent. A call counts from `counts_at`, the latest moment at which Riot
-- can have counted it: the end of the call, or while it is open (or its process died) the end of its time-out.
CREATE TABLE riot_calls (
    call_id   INTEGER PRIMARY KEY,
    routing   TEXT NOT NULL,
    endpoint  TEXT NOT NULL,
    counts_at TEXT NOT NULL,
    open      INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1)),
    share     INTEGER,                      -- of one of several processes, from 0 on: while that lives, its open call
    shares    INTEGER                       --   may still be sent, however late; NULL: the only process of its stage
) STRICT;

-- All that is asked of the calls in a window; what else was called at that host meanwhile is passed over.
CREATE INDEX riot_calls_by_time ON riot_calls (routing, counts_at, endpoint, open);
CREATE INDEX riot_calls_in_shares ON riot_calls (routing, counts_at) WHERE open = 1 AND shares IS NOT NULL;

-- When each routing host of Riot's last gave a match: whether a 404 is the match's fault or the host's.
CREATE TABLE riot_hosts (
    routing           TEXT PRIMARY KEY,
    match_answered_at TEXT,                 -- the last 200 for a match
    probed_at         TEXT                  -- when a missing match was last asked for to see whether the host is well
) STRICT;

-- Each run of a stage that got its lock: health is measured by them.
CREATE TABLE runs (
    run_id      INTEGER PRIMARY KEY,
    stage       TEXT NOT NULL,              -- 'fetch-matches', 'build-messages', 'deliver'
    began_at    TEXT NOT NULL,
    ended_at    TEXT,                       -- NULL: at work, or killed; the next run of the stage tells them apart
    exit_status INTEGER,                    -- as the process gave it; NULL as long as it has not ended
    summary     TEXT,                       -- the counts, and what ended it early; for people only
    out_of_time INTEGER NOT NULL DEFAULT 0 CHECK (out_of_time IN (0, 1)),   -- LOLSLACKBOT_MAX_SECONDS was spent
    left_over   INTEGER,                    -- items that were due and not done at its end; NULL: not counted
    max_seconds REAL,                       -- LOLSLACKBOT_MAX_SECONDS as that run had it
    clock_ahead REAL,                       -- seconds this clock was ahead of the server's, where that is too far
    part_of     INTEGER REFERENCES runs ON DELETE CASCADE, -- the run that one of several processes had a share of
    share       INTEGER,                    -- which one, from 1 on
    shares      INTEGER,                    -- how many there were
    host        TEXT                        -- the machine it ran on; NULL: from schema 9
) STRICT;

CREATE INDEX runs_by_stage ON runs (stage, run_id);
CREATE INDEX runs_by_whole ON runs (part_of) WHERE part_of IS NOT NULL;

-- Who has a run lock on a server that several hosts share; it ends by itself. Beside a file the kernel keeps them.
CREATE TABLE leases (
    stage  TEXT NOT NULL,
    share  INTEGER NOT NULL,                -- which one, from 1 on
    shares INTEGER NOT NULL,                -- of how many; 1: the whole
    owner  TEXT NOT NULL,                   -- host:process:token
    until  TEXT NOT NULL,                   -- by the database's clock; moved on by each commit of its owner
    PRIMARY KEY (stage, share)
) STRICT, WITHOUT ROWID;

-- When old games were last forgotten by themselves (LOLSLACKBOT_KEEP_DAYS). One row; none: never.
CREATE TABLE prunings (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    began_at TEXT NOT NULL                  -- written before: a run that dies then does not begin again
) STRICT;

-- A player's change of name. Kept for good: players are found by the names they had.
CREATE TABLE renames (
    rename_id     INTEGER PRIMARY KEY,
    player_id     INTEGER NOT NULL REFERENCES players,
    renamed_at    TEXT NOT NULL,            -- when we saw it
    old_game_name TEXT NOT NULL,
    old_tag_line  TEXT NOT NULL,
    new_game_name TEXT NOT NULL,
    new_tag_line  TEXT NOT NULL
) STRICT;

CREATE INDEX renames_by_player ON renames (player_id, rename_id);

-- What a person decided, as `why` tells it.
CREATE TABLE decisions (
    decision_id INTEGER PRIMARY KEY,
    decided_at  TEXT NOT NULL,
    command     TEXT NOT NULL,              -- 'retry', 'pause', 'resume', 'prune', 'track', …
    subject     TEXT NOT NULL,              -- 'match EUW1_1', 'message EUW1_1:C1', 'channel C1', 'host europe', 'player 3', …
    change      TEXT NOT NULL               -- 'failed -> pending'
) STRICT;

CREATE INDEX decisions_by_subject ON decisions (subject, decision_id);

-- The problems that the alert channel was told of, each by a message in the outbox that was added in the same commit.
CREATE TABLE alerts (
    problem TEXT PRIMARY KEY,               -- 'riot rejected', 'channel C1 broken', 'deliver silent', …
    said    TEXT NOT NULL,
    since   TEXT NOT NULL,                  -- with `problem` the subject of its message
    channel_id TEXT REFERENCES channels,    -- that was told; NULL: an earlier version told it
    seen_at TEXT NOT NULL,                  -- when it was last met: over once that was a while ago
    state   TEXT NOT NULL DEFAULT 'told' CHECK (state IN (
                'told',                     -- that it began
                'over'                      -- that it is over too; the row goes once that message no longer waits
            ))
) STRICT;
