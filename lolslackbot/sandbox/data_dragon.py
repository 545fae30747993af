"""A Data Dragon on loopback: versions, champions and pictures, shaped as ddragon.leagueoflegends.com has them.

What stands in the files is made up, but for the names of the champions that the sandbox's games are played with.
"""

import json
import re
import struct
import zlib
from dataclasses import dataclass
from random import Random

from lolslackbot.sandbox.games import CHAMPIONS
from lolslackbot.sandbox.mishaps import JSON, Answer, Mishap
from lolslackbot.sandbox.server import Call, Handle, Loopback, Recorded

PICTURE_SIZE = 120  # pixels, as the real ones

# Names that are not the id with spaces before its capitals.
_NAMES = {
    "Belveth": "Bel'Veth", "Chogath": "Cho'Gath", "DrMundo": "Dr. Mundo", "JarvanIV": "Jarvan IV", "KSante": "K'Sante",
    "Kaisa": "Kai'Sa", "KogMaw": "Kog'Maw", "Leblanc": "LeBlanc", "MonkeyKing": "Wukong", "Nunu": "Nunu & Willump",
    "RekSai": "Rek'Sai", "Renata": "Renata Glasc", "Velkoz": "Vel'Koz",
}  # fmt: skip


@dataclass(kw_only=True)
class Request(Recorded):
    """One request to Data Dragon."""

    method: str
    path: str


class DataDragon(Loopback[Request]):
    """`versions` is a test's to change; `champions` is what champion.json of each version has under `data`."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = ["16.23.1", "16.22.1", "16.21.1", "lolpatch_7.20"]
        self.champions = {entry["id"]: entry for entry in map(_champion, CHAMPIONS.items())}

    def misbehave(self, mishap: Mishap, path: str = "", times: int | None = None) -> Handle[Request]:
        """Plays a mishap on requests whose path holds that regular expression, `times` times (None: always)."""
        return self._add(mishap, lambda request: re.search(path, request.path) is not None, times)

    def _read(self, call: Call) -> Request:
        return Request(headers=call.headers, method=call.verb, path=call.target)

    def _unapplied(self, request: Request) -> Answer:
        return self._work(request)

    def _usual_body(self, request: Request, status: int) -> tuple[bytes, str]:
        return b"<Error><Code>AccessDenied</Code></Error>", "application/xml"

    def _work(self, request: Request) -> Answer:
        if request.path == "/api/versions.json":
            return Answer(200, json.dumps(self.versions).encode(), content_type=JSON)
        found = re.fullmatch(r"/cdn/([^/]+)/(data/en_US/champion\.json|img/champion/(\w+)\.png)", request.path)
        if not found or found[1] not in self.versions:
            return Answer(403, None)  # what is not there is forbidden
        if found[3]:
            drawn = found[3] in self.champions
            return Answer(200, _picture(found[3]), content_type="image/png") if drawn else Answer(403, None)
        fields = {"type": "champion", "format": "standAloneComplex", "version": found[1], "data": self.champions}
        return Answer(200, json.dumps(fields).encode(), content_type=JSON)


def _champion(pick: tuple[int, str]) -> dict[str, object]:
    key, name = pick
    champion = {"FiddleSticks": "Fiddlesticks"}.get(name, name)
    return {
        "version": "16.23.1",
        "id": champion,
        "key": str(key),
        "name": _NAMES.get(champion) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", champion),
        "title": "the Invented",
        "blurb": "Nobody knows.",
        "image": {"full": f"{champion}.png", "sprite": "champion0.png", "group": "champion", "x": 0, "y": 0},
        "tags": ["Mage"],
        "partype": "Mana",
    }


def _picture(name: str) -> bytes:
    """A square PNG of circles, in colours of its own for each name."""
    random = Random(name)
    back, front = ([random.randint(low, low + 110) for _ in range(3)] for low in (20, 120))
    half, rows = PICTURE_SIZE / 2, b""
    width, height = random.randint(9, 16), random.randint(20, 100)
    for y in range(PICTURE_SIZE):
        rows += b"\0"
        for x in range(PICTURE_SIZE):
            ring = int(((x - half) ** 2 + (y - height) ** 2) ** 0.5) // width % 2
            rows += bytes(front if ring else back)
    header = struct.pack(">IIBBBBB", PICTURE_SIZE, PICTURE_SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
