"""``--platform``: ``os/arch[/variant]``, normalised as containerd does.

Several names mean the same machine (``x86_64`` and ``amd64``, ``aarch64`` and ``arm64/v8``); one of them is
used everywhere. A lone architecture is taken to be Linux's, since that is where daemons run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.notation.flag import Flag

__all__ = ["format_platforms", "normalize", "parse_platform", "parse_platforms"]

_FLAG = Flag(name="--platform", example="linux/amd64,linux/arm64")

_OS = r"[A-Za-z0-9_-]+(?:\([A-Za-z0-9_.%-]*(?:\+[A-Za-z0-9_.%-]+)*\))?"
_PART = r"[A-Za-z0-9_.-]+"
# What may stand alone; beside a system any architecture goes, and the other way round.
_SYSTEMS = frozenset(["darwin", "freebsd", "linux", "netbsd", "openbsd", "solaris", "windows"])
_ARCHITECTURES = frozenset(
    ["386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x", "wasm"]
)
_ALIASES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANTS = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm64", "v8.0"): "",
    ("arm64", "9"): "v9",
    ("arm64", "9.0"): "v9",
    ("arm64", "v9.0"): "v9",
    ("arm", ""): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}


def parse_platforms(texts: Iterable[str], *, local: str, flag: Flag = _FLAG) -> tuple[str, ...]:
    """Parse platforms, each text a comma list; a platform given twice counts once.

    ``local`` is what the word ``local`` stands for. Raises ``UsageError`` naming ``flag``.
    """
    parts = [part for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(parse_platform(part, local=local, flag=flag) for part in parts))


def parse_platform(text: str, *, local: str, flag: Flag = _FLAG) -> str:
    """Parse and normalise one platform. Raises ``UsageError`` naming ``flag``."""
    if text.lower() == "local":
        return normalize(local)
    parts = text.split("/")
    if (
        len(parts) > 3
        or not re.fullmatch(_OS, parts[0])
        or not all(re.fullmatch(_PART, part) for part in parts[1:])
    ):
        raise flag.error(text, "a platform is os/arch or os/arch/variant")
    if len(parts) > 1:
        return normalize(text)
    system = _system(text)
    if system.partition("(")[0] in _SYSTEMS:
        return f"{system}/{normalize(local).partition('/')[2]}"
    architecture, _ = _architecture(text, "")
    if architecture in _ARCHITECTURES:
        return normalize(f"linux/{text}")
    raise flag.error(text, "unknown operating system or architecture")


def format_platforms(platforms: Iterable[str]) -> str:
    """Join platforms into one comma list."""
    return ",".join(platforms)


def normalize(platform: str) -> str:
    """Return the one name of ``os/arch[/variant]``. What isn't of that form comes back in lower case."""
    system, _, rest = platform.partition("/")
    if not rest:
        return platform.lower()
    architecture, variant = _architecture(*rest.partition("/")[::2])
    return "/".join(filter(None, (_system(system), architecture, variant)))


def _system(system: str) -> str:
    # A version in parentheses belongs to Windows and stays as it is.
    name, parenthesis, version = system.partition("(")
    name = "darwin" if name.lower() == "macos" else name.lower()
    return f"{name}{parenthesis}{version}"


def _architecture(architecture: str, variant: str) -> tuple[str, str]:
    architecture, variant = architecture.lower(), variant.lower()
    architecture, implied = _ALIASES.get(architecture, (architecture, None))
    if implied is not None:
        return architecture, implied
    return architecture, _VARIANTS.get((architecture, variant), variant)
