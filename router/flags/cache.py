"""``--cache-from`` and ``--cache-to`` (``--import-cache`` and ``--export-cache`` for buildctl).

The type has to be one of BuildKit's: a daemon skips a cache that it does not know, without a word. All keys
are handed to it as they are; which of them a type knows is the daemon's to say. Some hold credentials, so
messages never repeat what was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.model.request import CacheOption
from router.notation.boolean import parse_bool
from router.notation.csv import format_pairs, parse_fields, parse_pairs
from router.notation.flag import Flag

__all__ = ["CACHE_FROM", "CACHE_TO", "format_cache", "parse_caches", "with_credentials"]

CACHE_FROM = Flag(name="--cache-from", example="type=registry,ref=registry.example.com/cache", secret=True)
CACHE_TO = Flag(
    name="--cache-to", example="type=registry,ref=registry.example.com/cache,mode=max", secret=True
)

_TYPES = ("registry", "local", "inline", "gha", "s3", "azblob")

_S3_VARIABLES = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


def parse_caches(texts: Iterable[str], flag: Flag) -> tuple[CacheOption, ...]:
    """Parse ``type=...`` with its keys, or image names (a comma list) as caches in a registry.

    Empty texts count for nothing. Raises ``UsageError`` naming ``flag``.
    """
    return tuple(option for text in texts if text for option in _parse(text, flag))


def _parse(text: str, flag: Flag) -> Iterable[CacheOption]:
    if "=" not in text:
        refs = parse_fields(text, flag)
        if not all(refs):
            raise flag.error(text, "an image's name in the list is empty")
        for ref in refs:
            flag.refuse_path(ref, "type=... or an image's name")
        return [CacheOption(type="registry", attrs={"ref": ref}) for ref in refs]
    attrs = dict(parse_pairs(text, flag))
    type_name = attrs.pop("type", "")
    if not type_name:
        raise flag.error(text, "the key type is missing")
    if type_name not in _TYPES:
        raise flag.error(text, f"the type is not one of {', '.join(_TYPES)}")
    return [CacheOption(type=type_name, attrs=attrs)]


def format_cache(option: CacheOption) -> str:
    """Return the text that ``parse_caches`` reads as ``option``."""
    return format_pairs({"type": option.type, **option.attrs})


def with_credentials(
    options: Iterable[CacheOption], environment: Mapping[str, str]
) -> tuple[CacheOption, ...]:
    """Fill in what ``gha`` and ``s3`` take from the environment, as buildx does.

    A ``gha`` cache that has no token or no address even so is left out: outside of GitHub's runners the
    same command line works without it. Credentials of S3 come from the variables of AWS alone.
    """
    filled = (_filled(option, environment) for option in options)
    return tuple(option for option in filled if option.type != "gha" or _is_active(option.attrs))


def _filled(option: CacheOption, environment: Mapping[str, str]) -> CacheOption:
    match option.type:
        case "gha":
            return CacheOption(type="gha", attrs={**_gha(option.attrs, environment), **option.attrs})
        case "s3" if not {"access_key_id", "secret_access_key"} <= option.attrs.keys():
            known = {key: environment.get(variable, "") for key, variable in _S3_VARIABLES.items()}
            present = {key: value for key, value in known.items() if value}
            return CacheOption(type="s3", attrs={**present, **option.attrs})
        case _:
            return option


def _gha(attrs: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    second = parse_bool(environment.get("ACTIONS_CACHE_SERVICE_V2", ""))
    version = attrs.get("version", "2" if second else "")
    results = environment.get("ACTIONS_RESULTS_URL")
    found = {
        "token": environment.get("ACTIONS_RUNTIME_TOKEN"),
        "url_v2": results if version == "2" else None,
        "url": environment.get("ACTIONS_CACHE_URL", results),
    }
    return {key: value for key, value in found.items() if value is not None}


def _is_active(attrs: Mapping[str, str]) -> bool:
    return bool(attrs.get("token") and (attrs.get("url") or attrs.get("url_v2")))
