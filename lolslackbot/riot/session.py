"""One GET to a service of Riot's: no redirects, nothing from files, a total deadline, a size cap."""

from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.transport import (
    BodyTooLarge,
    DeadlineExceeded,
    HttpAnswer,
    connect_seconds,
    deadline,
    fault_of_this_machine,
    proxies_for,
    read_capped,
    read_in_pieces,
    trusted,
)

if TYPE_CHECKING:
    import ssl

# What the libraries raise when nothing comes, or a header, length or encoding that cannot be.
NO_ANSWER = (
    *(requests.RequestException, HTTPError, HTTPException, OSError, ValueError, OverflowError),
    *(DeadlineExceeded, BodyTooLarge),
)


class NoRedirectSession(requests.Session):
    """A redirect would carry the key to another host: the 3xx comes back as it is, its target is not even read."""

    def __init__(self, network: Mapping[str, str]) -> None:
        """network: the variables that name proxies and authorities. Raises ConfigError for unreadable authorities."""
        super().__init__()
        self._network = network
        self.trust_env = False  # neither proxies nor passwords from files nobody thinks of
        if context := trusted(network):
            self.mount("https://", _TrustingAdapter(context))

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str],
        seconds: float,
        query: Mapping[str, int] | None = None,
        decided_at: float | None = None,
    ) -> HttpAnswer:
        """Exactly one request, over within `seconds`. Raises one of NO_ANSWER, or ConfigError for a proxy.

        decided_at: see `deadline`.
        """
        # Prepared without the session's settings: those would send cookies back.
        request = requests.Request("GET", url, headers=headers, params=query).prepare()
        with (
            deadline(seconds, decided_at),
            self.send(
                request,
                timeout=(connect_seconds(seconds), seconds + 1),  # the deadline ends a read
                allow_redirects=False,
                proxies=dict(proxies_for(url, self._network)),
                stream=True,
            ) as response,
        ):
            read_in_pieces(getattr(response.raw, "_original_response", None))  # what urllib3 reads from
            body = read_capped(response.iter_content(65536))
            return HttpAnswer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


class _TrustingAdapter(HTTPAdapter):
    """Trusts only the authorities of its context, where requests would add its own."""

    def __init__(self, context: "ssl.SSLContext") -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def no_answer(error: Exception, url: str) -> RiotRefusal:
    """What to raise where a call to `url` failed with one of NO_ANSWER."""
    if fault := fault_of_this_machine(error, urlsplit(url).hostname or ""):
        return RiotRefusal(RiotVerdict.LOCAL_FAULT, fault)
    # Texts of requests carry whole object representations: of its errors the name has to do.
    cause = str(error) if isinstance(error, DeadlineExceeded | BodyTooLarge) else type(error).__name__
    return RiotRefusal(RiotVerdict.UNAVAILABLE, f"no usable answer: {cause}")
