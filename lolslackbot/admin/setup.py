"""What setting up leaves behind: the file `env`, and lines for cron or for systemd."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping

from lolslackbot.errors import ConfigError
from lolslackbot.files import fsync_path, make_private_folder, open_private, remove, with_owner

# For "From a manifest" at api.slack.com/apps: https://docs.slack.dev/reference/app-manifest
MANIFEST = """\
display_information:
  name: Match Reporter
  description: Posts one message per finished League of Legends game
features:
  bot_user:
    display_name: match-reporter
oauth_config:
  scopes:
    bot:
      - chat:write
      - channels:read
      - groups:read
      - channels:history
      - groups:history
      - reactions:write
settings:
  token_rotation_enabled: false
"""

UNIT_COMMAND = "%h/.local/bin/lolslackbot"  # in the units as they are shipped: where pipx and `uv tool` put it
BEGIN, END = "# lolslackbot: begin, written by `lolslackbot init --cron`", "# lolslackbot: end"
_BEGINS = re.compile(rf"^{re.escape(BEGIN)}[ \t]*\r?$", re.MULTILINE)
_BLOCK = re.compile(
    rf"^{re.escape(BEGIN)}[ \t]*\r?\n(?:(?!{re.escape(BEGIN)}).*\n)*?{re.escape(END)}[ \t]*(?:\r?\n|\Z)", re.MULTILINE
)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text of an `env` file in which each of these is set: in its own line where there is one, else at the end."""
    left = dict(values)
    lines = []
    for line in text.splitlines():
        name = line.strip().removeprefix("export ").partition("=")[0].strip()
        if name in values:
            if name not in left:  # a second line of that name would win
                continue
            line = f"{name}={left.pop(name)}"
        lines.append(line)
    return "".join(f"{line}\n" for line in [*lines, *(f"{name}={value}" for name, value in left.items())])


def write_env(path: str, values: Mapping[str, str]) -> None:
    """Sets these in an `env` file, private to the user; it is whole, and as before or as it is to be, at each moment.

    Raises ConfigError.
    """
    partial = f"{path}.partial"
    try:
        make_private_folder(os.path.dirname(path))
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
        remove(partial)
        descriptor = open_private(partial, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, like=path)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(with_values(text, values))
        fsync_path(partial)
        os.replace(partial, os.path.realpath(path))
        fsync_path(os.path.dirname(os.path.realpath(path)))
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror}"
        raise ConfigError(with_owner(text, error.filename or path, error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: write it anew, or remove it") from error
    finally:
        remove(partial)


# Cron


def cron_lines(command: str, home: str) -> str:
    """What cron is to run: two lines that set nothing for any other line of the crontab."""
    begin = f"export LOLSLACKBOT_HOME={_for_cron(home)}; B={_for_cron(command)}; "
    tick = '"$B" -q answer; "$B" -q fetch-matches; "$B" -q build-messages; "$B" -q deliver'
    week = '"$B" -q digest; "$B" -q deliver'
    return f"*/3 * * * * {begin}{tick}\n0 9 * * 1 {begin}{week}\n"


def _for_cron(path: str) -> str:
    return shlex.quote(path).replace("%", r"\%")  # which would end the line


def systemd_lines(command: str, home: str) -> str:
    """What a shell is to run beside the folder `systemd`: the units are copied, get these paths, and are started."""
    argument = _for_systemd(home).replace("$", "$$")  # which begins a variable, but not in a program's name
    own = f"{_for_systemd(command)} --home {argument}"
    replacement = re.sub(r"[\\&|]", r"\\\g<0>", own)
    units = "~/.config/systemd/user"
    return (
        f"mkdir -p {units} && cp systemd/lolslackbot* {units}\n"
        f"sed -i {shlex.quote(f's|{UNIT_COMMAND}|{replacement}|')} {units}/lolslackbot*.service\n"
        "systemctl --user daemon-reload && systemctl --user enable --now lolslackbot.timer lolslackbot-digest.timer\n"
        "loginctl enable-linger\n"
    )


def _for_systemd(path: str) -> str:
    quoted = path.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
    return f'"{quoted}"'


def with_lines(crontab: str, lines: str) -> str:
    """A crontab with these lines in a marked block, in place of earlier ones; all else as it is.

    Raises ConfigError where the end of a block is not marked any more.
    """
    block = f"{BEGIN}\n{lines}{END}\n"
    if _BEGINS.search(_BLOCK.sub("", crontab)):
        raise ConfigError(f"the crontab was not changed: the line `{END}` is missing in it; add it with `crontab -e`")
    if found := _BLOCK.search(crontab):
        return crontab[: found.start()] + block + _BLOCK.sub("", crontab[found.end() :])
    return f"{crontab}{'' if not crontab or crontab.endswith(chr(10)) else chr(10)}{block}"


def install_lines(lines: str) -> None:
    """Puts them into this user's crontab. Raises ConfigError."""
    try:
        # As bytes: whatever else stands there stays as it is.
        crontab = with_lines(_crontab().decode("utf-8", "surrogateescape"), lines)
        subprocess.run(
            ["crontab", "-"], input=crontab.encode("utf-8", "surrogateescape"), capture_output=True, check=True
        )
    except FileNotFoundError as error:
        raise ConfigError("there is no `crontab` on this machine: see systemd/ for units, or install cron") from error
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode("utf-8", "replace").strip()
        raise ConfigError(f"the crontab was not changed: {told}") from error


def _crontab() -> bytes:
    """What is there. Raises CalledProcessError where that is not known: nothing may be lost."""
    environment = {**os.environ, "LC_ALL": "C"}
    listed = subprocess.run(["crontab", "-l"], capture_output=True, check=False, env=environment)
    # That there is none yet is a failure like others, but for the words (of cron and cronie, and of busybox).
    if any(words in listed.stderr for words in (b"no crontab for", b"can't open")):
        return b""
    listed.check_returncode()
    return listed.stdout
