"""URLs cut into their parts, without judging them.

The standard library's parser costs more start-up time than it saves here, so it is imported only where a
query has to be read.
"""

from __future__ import annotations

import re

from router.model.frozen import frozen

__all__ = ["URL", "parse_query", "parse_url", "without_credentials"]

_URL = (
    r"(?s)(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://"
    r"(?:(?P<user>[^/?#]*)@)?"
    r"(?P<host>\[[^\]/?#]*\]|[^:/?#\[\]]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?"
)
_CREDENTIALS = r"(?<=://)[^/?#]*@"


@frozen
class URL:
    """The parts of a URL; scheme and host in lower case, the others as they stand, empty where missing.

    ``host`` keeps the brackets of an IPv6 address. The user's name and password are left out.
    """

    scheme: str
    host: str
    port: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""


def parse_url(text: str) -> URL | None:
    """Cut ``scheme://...`` into its parts; None where ``text`` isn't of that form."""
    match = re.fullmatch(_URL, text)
    if match is None:
        return None
    parts = match.groupdict(default="")
    return URL(
        scheme=parts["scheme"].lower(),
        host=parts["host"].lower(),
        port=parts["port"],
        path=parts["path"],
        query=parts["query"],
        fragment=parts["fragment"],
    )


def parse_query(query: str) -> dict[str, list[str]]:
    """Return the values of each key of a query; a key without an equals sign has an empty value."""
    if not query:
        return {}
    from urllib.parse import parse_qs

    return parse_qs(query, keep_blank_values=True)


def without_credentials(text: str) -> str:
    """Return ``text`` without the user's name and password of a URL, to be shown to people."""
    return re.sub(_CREDENTIALS, "", text)
