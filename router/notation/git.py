"""Git repositories by their URLs: as build contexts (BuildKit's rules), and as identities.

A context may carry a ref and a subdirectory in its fragment (``#ref:subdir``) or in its query
(``?ref=...&subdir=...``). An identity is what the URLs of one repository have in common, whether it was
cloned over ssh or https and with whose credentials.
"""

from __future__ import annotations

import posixpath
import re

from router.model.frozen import frozen
from router.notation.flag import Flag
from router.notation.url import URL, parse_query, parse_url, without_credentials

__all__ = ["GitContext", "normalize_remote", "parse_git_context"]

_FLAG = Flag(name="context", example="https://github.com/org/repository.git#main:directory")

_SCHEMES = frozenset(["http", "https", "ssh", "git"])
_HAS_SCHEME = "[a-zA-Z0-9]+://"
# BuildKit asks for a user in the scp form of a context; git does not.
_SCP_CONTEXT = (
    r"(?P<user>[a-zA-Z0-9_-]+)@(?P<host>[a-zA-Z0-9.-]+):(?P<path>.*?)"
    r"(?:\?(?P<query>.*?))?(?:#(?P<fragment>.*))?"
)
_SCP_REMOTE = r"(?s)(?:[^/@]*@)?(?P<host>\[[^\]]*\]|[^/:@\[\]]+):(?!//)(?P<path>.*)"
_DEFAULT_PORTS = {"http": "80", "https": "443", "git": "9418"}


@frozen
class GitContext:
    """A build context that the daemon clones.

    ``url`` is the whole context as it was given, which is what the daemon gets; ``remote`` is the
    repository alone. ``ref`` and ``subdir`` are empty where they weren't given.
    """

    url: str
    remote: str
    ref: str = ""
    subdir: str = ""

    @property
    def by_ssh(self) -> bool:
        """Whether the daemon clones it by SSH, for which it needs an agent or a key."""
        scheme, found, _ = self.remote.partition("://")
        return scheme == "ssh" if found else not self.remote.startswith("github.com/")


def parse_git_context(text: str) -> GitContext | None:
    """Return the git context that ``text`` names, None where BuildKit would see something else in it.

    An http URL is a repository only if its path ends in ``.git``; the form without a scheme,
    ``github.com/...``, is one too. Raises ``UsageError`` where query and fragment contradict each other.
    """
    url = _context_url(text)
    if url is None or url.scheme not in _SCHEMES:
        return None
    is_web = url.scheme in {"http", "https"} and not text.startswith("github.com/")
    if is_web and not url.path.endswith(".git"):
        return None
    return _with_ref(text, url)


def _context_url(text: str) -> URL | None:
    if text.startswith("github.com/"):
        return parse_url(f"https://{text}")
    # Most contexts are directories, and to compile what they are not takes longer than all else here.
    if "://" in text and re.match(_HAS_SCHEME, text):
        return parse_url(text)
    match = re.fullmatch(_SCP_CONTEXT, text) if "@" in text else None
    if match is None:
        return None
    parts = match.groupdict(default="")
    return URL(
        scheme="ssh",
        host=parts["host"],
        path=parts["path"],
        query=parts["query"],
        fragment=parts["fragment"],
    )


def _with_ref(text: str, url: URL) -> GitContext:
    ref, _, subdir = url.fragment.partition(":")
    subdir = posixpath.normpath(posixpath.join("/", subdir)).strip("/")
    query = {key: values[-1] for key, values in parse_query(url.query).items()}
    asked_ref = query.get("ref") or _prefixed("refs/tags/", query.get("tag", ""))
    asked_ref = asked_ref or _prefixed("refs/heads/", query.get("branch", ""))
    asked_subdir = query.get("subdir", "")
    for name, here, there in (("ref", ref, asked_ref), ("subdir", subdir, asked_subdir)):
        if here and there and here != there:
            why = f'the {name} "{here}" of the fragment contradicts the {name} "{there}" of the query'
            raise _FLAG.error(without_credentials(text), why)
    return GitContext(
        url=text,
        remote=re.split("[?#]", text, maxsplit=1)[0],
        ref=ref or asked_ref,
        subdir=subdir or asked_subdir,
    )


def _prefixed(prefix: str, name: str) -> str:
    return name if not name or name.startswith(prefix) else prefix + name


def normalize_remote(remote: str) -> str:
    """Return the identity of the repository at ``remote``: host and path, without whatever varies.

    Scheme, credentials, the port of ssh and the default ports of the others, a trailing ``.git`` and the
    case of the host are dropped. A path on this machine stands for itself.
    """
    url = parse_url(remote)
    if url is not None and url.scheme != "file":
        scheme = url.scheme.removeprefix("git+").removesuffix("+git")
        # The port of ssh tells nothing: the same host serves the same repository over https without it.
        keeps_port = scheme != "ssh" and url.port and url.port != _DEFAULT_PORTS.get(scheme)
        host = f"{url.host}:{url.port}" if keeps_port else url.host
        return f"{host}/{_repository_path(url.path).lstrip('/')}"
    if url is not None:
        return _repository_path(url.path)
    scp = re.fullmatch(_SCP_REMOTE, remote)
    if scp is not None:
        return f"{scp['host'].lower()}/{_repository_path(scp['path']).lstrip('/')}"
    return _repository_path(remote)


def _repository_path(path: str) -> str:
    return re.sub("/{2,}", "/", path).rstrip("/").removesuffix(".git").rstrip("/")
