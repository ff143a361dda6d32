"""The flags of buildx and buildctl, and what they are called here: for docs/reference/flags.md and for hints.

Notes are Markdown, as the page has them; a hint says the same in plain text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cli.named import NamedTuple

__all__ = ["SAME", "TABLES", "Row", "hint_for"]

SAME, _NONE = "=", "none"


class Row(NamedTuple):
    """A flag of another tool: our name for it (``=`` for the same), or none; the note says more."""

    flag: str
    ours: str = SAME
    note: str = ""


TABLES: Mapping[str, tuple[Row, ...]] = {
    "docker buildx build": (
        Row("--add-host"),
        Row("--allow"),
        Row(
            "--annotation",
            SAME,
            "for an `index:` or `index-descriptor:` the image is one: without `--platform`, `--sbom` "
            "and `--provenance` it gets buildx's `mode=min`; with `--provenance=false` the daemon "
            "refuses, as for buildx",
        ),
        Row("--attest"),
        Row("--build-arg"),
        Row("--build-context", SAME, "all but `target:`, which only bake files have"),
        Row(
            "--builder",
            "--addr",
            "there are no builders to create: `--addr`, `--selector` or the environment name the "
            "daemons, and [the key](../explanation/placement.md) picks one",
        ),
        Row("--cache-from"),
        Row("--cache-to"),
        Row("--call", SAME, "see [asking the frontend](call.md)"),
        Row("--cgroup-parent"),
        Row("--check"),
        Row(
            "--debug",
            "--verbose",
            "the key, the daemon and why; warnings with their explanation and the lines",
        ),
        Row("--file"),
        Row("--help"),
        Row("--iidfile"),
        Row("--label"),
        Row("--load"),
        Row("--metadata-file", SAME, "see [what a build leaves behind](results.md)"),
        Row("--network"),
        Row("--no-cache"),
        Row("--no-cache-filter"),
        Row("--output"),
        Row("--platform"),
        Row(
            "--policy",
            _NONE,
            "buildx evaluates these Rego policies itself. BuildKit's own, which the daemon enforces, "
            "are in `--source-policy-file`",
        ),
        Row("--progress", SAME, "see [the display](display.md)"),
        Row(
            "--provenance",
            SAME,
            "none unless asked for: buildx attests `mode=min` by itself "
            "(`BUILDX_NO_DEFAULT_ATTESTATIONS`), which makes every image an index",
        ),
        Row("--pull"),
        Row("--push"),
        Row("--quiet"),
        Row("--resource"),
        Row("--sbom"),
        Row("--secret", SAME, "a variable that is not set ends the build; buildx makes the secret empty"),
        Row("--shm-size"),
        Row("--ssh"),
        Row("--tag", SAME, "a digest in it is ignored, as in buildx; ours says so"),
        Row("--target"),
        Row("--ulimit"),
    ),
    "docker build": (
        Row(
            "--compress",
            _NONE,
            "layers are compressed by the output: `--output type=image,compression=zstd`",
        ),
        Row("--cpu-period", "--resource", "`--resource cpu-period=N`"),
        Row("--cpu-quota", "--resource", "`--resource cpu-quota=N`"),
        Row("--cpu-shares", "--resource", "`--resource cpu-shares=N`"),
        Row("--cpuset-cpus", "--resource", "`--resource cpuset-cpus=LIST`"),
        Row("--cpuset-mems", "--resource", "`--resource cpuset-mems=LIST`"),
        Row("--force-rm", _NONE, "BuildKit leaves no containers behind"),
        Row("--isolation", _NONE, "it is for Windows containers of the old builder"),
        Row("--memory", "--resource", "`--resource memory=SIZE`"),
        Row("--memory-swap", "--resource", "`--resource memory-swap=SIZE`"),
        Row("--print", "--call"),
        Row("--rm", _NONE, "BuildKit leaves no containers behind"),
        Row(
            "--security-opt",
            _NONE,
            "BuildKit has `RUN --security=insecure` with `--allow security.insecure`",
        ),
        Row(
            "--squash",
            _NONE,
            "build in one stage, and copy its result into another: `COPY --from=STAGE / /`",
        ),
    ),
    "buildctl build": (
        Row("--addr", SAME, "several make a fleet; `BUILDKIT_HOST` is respected too"),
        Row("--allow"),
        Row("--debug", "--verbose", "the rest is in the daemon's own log"),
        Row(
            "--debug-json-cache-metrics",
            _NONE,
            "`--trace` writes every status of every step, which that sum is made of",
        ),
        Row("--export-cache", "--cache-to", "`--export-cache` is understood as well"),
        Row(
            "--frontend",
            SAME,
            "left out, it is `dockerfile.v0`. With it, or with LLB, there is no context and no "
            "`--file`, only `--local`",
        ),
        Row("--help"),
        Row("--import-cache", "--cache-from", "`--import-cache` is understood as well"),
        Row("--local", SAME, "without a frontend the LLB comes from stdin, as in buildctl"),
        Row(
            "--log-format",
            "--progress",
            "there is no log beside the progress; `--progress rawjson` is for programs",
        ),
        Row("--metadata-file"),
        Row("--no-cache"),
        Row("--oci-layout"),
        Row("--opt", SAME, "refused with LLB, which has no frontend to read it"),
        Row("--output"),
        Row("--progress"),
        Row("--proxy-network"),
        Row("--ref-file"),
        Row("--registry-auth-tlscontext"),
        Row("--secret"),
        Row("--source-policy-file"),
        Row("--ssh"),
        Row("--timeout", "--connect-timeout", "our `--timeout` bounds the whole build"),
        Row("--tlscacert", "--tls-ca"),
        Row("--tlscert", "--tls-cert"),
        Row("--tlsdir", "--tls-dir"),
        Row("--tlskey", "--tls-key"),
        Row("--tlsservername", "--tls-server-name"),
        Row("--trace"),
        Row(
            "--wait",
            "--wait",
            "here it waits for a daemon of the fleet to be fit, buildctl's for the connection",
        ),
    ),
    "docker buildx du": (
        Row("--builder", "--addr", "there are no builders: all daemons of the fleet are asked"),
        Row("--debug", "--verbose", "each record in full"),
        Row("--filter", SAME, "see [filters](../how-to/run-the-fleet.md#filters)"),
        Row("--format", SAME, "`table` and `json`, no templates"),
        Row("--help"),
        Row("--timeout", "--connect-timeout", "for each daemon"),
        Row("--verbose"),
    ),
    "docker buildx prune": (
        Row("--all"),
        Row("--builder", "--addr", "there are no builders: all daemons of the fleet are asked"),
        Row("--debug", "--verbose", "each record in full"),
        Row("--filter", SAME, "see [filters](../how-to/run-the-fleet.md#filters)"),
        Row("--force"),
        Row("--help"),
        Row("--max-used-space"),
        Row("--min-free-space"),
        Row("--reserved-space", SAME, "`--keep-storage`, its old name, needs a unit here"),
        Row("--timeout", "--connect-timeout", "for each daemon; deleting has no deadline"),
        Row("--verbose"),
    ),
    "buildctl du": (
        Row("--addr", SAME, "several make a fleet; `BUILDKIT_HOST` is respected too"),
        Row("--debug", "--verbose", "each record in full"),
        Row("--filter", SAME, "several have to match all together; there one is enough"),
        Row("--format", SAME, "`table` and `json`, no templates"),
        Row("--help"),
        Row("--log-format", "--format", "there is no log; `--format json` is for programs"),
        Row("--timeout", "--connect-timeout"),
        Row("--tlscacert", "--tls-ca"),
        Row("--tlscert", "--tls-cert"),
        Row("--tlsdir", "--tls-dir"),
        Row("--tlskey", "--tls-key"),
        Row("--tlsservername", "--tls-server-name"),
        Row("--verbose"),
        Row("--wait", "--connect-timeout", "a daemon that is not there is told, and not waited for"),
    ),
    "buildctl prune": (
        Row("--addr", SAME, "several make a fleet; `BUILDKIT_HOST` is respected too"),
        Row("--all"),
        Row("--debug", "--verbose", "each record in full"),
        Row("--filter", SAME, "several have to match all together; there one is enough"),
        Row("--format", SAME, "`table` and `json`, no templates"),
        Row("--free-storage", "--min-free-space", "with a unit: `20GB`, where buildctl counts MB"),
        Row("--help"),
        Row("--keep-duration"),
        Row("--keep-storage", "--max-used-space", "our `--keep-storage` is buildx's, `--reserved-space`"),
        Row("--keep-storage-min", "--reserved-space", "with a unit: `10GB`, where buildctl counts MB"),
        Row("--log-format", "--format", "there is no log; `--format json` is for programs"),
        Row("--timeout", "--connect-timeout"),
        Row("--tlscacert", "--tls-ca"),
        Row("--tlscert", "--tls-cert"),
        Row("--tlsdir", "--tls-dir"),
        Row("--tlskey", "--tls-key"),
        Row("--tlsservername", "--tls-server-name"),
        Row("--verbose"),
        Row("--wait", "--connect-timeout", "a daemon that is not there is told, and not waited for"),
    ),
}
"""By tool, in the order of the flags. Those of `docker build` are what buildx takes without listing it."""

_SHORT = {"-D": "--debug", "-c": "--cpu-shares", "-m": "--memory"}


def hint_for(name: str, known: Collection[str]) -> str | None:
    """Return what to say to somebody who gives a flag of another tool; ``known`` are the command's own."""
    flag = _SHORT.get(name, name)
    for rows in TABLES.values():
        for row in rows:
            if row.flag == flag and row.ours == _NONE:
                return f"warmroute has no {flag}: {_plain(row.note)}"
            if row.flag == flag and row.ours in known:
                return _instead(row)
    return None


def _instead(row: Row) -> str:
    note = _plain(row.note)
    if note.startswith(row.ours):
        return f"use {note}"
    return f"use {row.ours} ({note})" if note else f"use {row.ours}"


def _plain(note: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", note).replace("`", "")
