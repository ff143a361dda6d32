"""What a frontend answered instead of building, as buildx prints it.

Most answers come with a text of the frontend's own. That of a check is written here: there the Dockerfile has
the name that the user knows it by.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from cli.named import NamedTuple
from cli.render.foreign import escaped, own_line, printable
from router import BuildError, Call, Shape, SourceRange, UsageError, excerpt, read_json, shaped, source_lines

__all__ = ["Answer", "render_answer"]

# Characters of source lines beside the findings; those after it are told without.
_MOST_PLACES = 1 << 22
_JSON, _TEXT, _STATUS = "result.json", "result.txt", "result.statuscode"

_LOCATION: Shape = {
    "sourceIndex": int,
    "ranges": [{"start": {"line": int}, "end": {"line": int}}],
}
_RESULTS: Shape = {
    "sources": [{"filename": str, "data": str}],
    "warnings": [{"ruleName": str, "url": str, "detail": str, "location": _LOCATION}],
    "buildError": {"message": str, "location": _LOCATION},
}


class Answer(NamedTuple):
    """What goes to stdout, the exit code that it asks for, and the error that a check has found."""

    text: str
    status: int = 0
    error: BuildError | None = None


class _Source:
    """A file that a check has looked at; many findings may point to it."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self.filename: str = item.get("filename", "")
        self.lines = source_lines(b64decode(item.get("data", "")))


class _Finding(NamedTuple):
    """One warning of a check: its rule and where that is explained, what is wrong, and the lines."""

    rule: str
    url: str
    detail: str
    filename: str
    line: int
    place: str


class _Check(NamedTuple):
    """The findings, and the error where the Dockerfile can't be built at all."""

    findings: Sequence[_Finding]
    error: BuildError | None


def render_answer(call: Call, metadata: Mapping[str, str], dockerfile: str | None) -> Answer:
    """Return the answer that stands in a result's metadata.

    ``dockerfile`` is the Dockerfile's name for the user, None for the frontend's own name. Raises
    ``UsageError`` where there is no answer in the format that was asked for.
    """
    check = _parsed(metadata, dockerfile) if call.method == "check" else None
    if call.format == "json":
        if _JSON not in metadata:
            raise UsageError(
                f"the answer to --call {call.method} is not in JSON", hint="leave out format=json"
            )
        text = "\n".join(map(escaped, metadata[_JSON].split("\n"))) + "\n"
    else:
        text = _shown(_text(call, metadata) if check is None else _findings(check))
    return Answer(text, 0 if call.ignore_status else _status(metadata), check.error if check else None)


def _text(call: Call, metadata: Mapping[str, str]) -> str:
    if _TEXT in metadata:
        return metadata[_TEXT]
    if _JSON in metadata:
        return metadata[_JSON] + "\n"
    raise UsageError(
        f"the frontend gave no answer to --call {call.method}",
        hint="--call subrequests.describe lists what it answers",
    )


def _status(metadata: Mapping[str, str]) -> int:
    text = metadata.get(_STATUS, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _findings(check: _Check) -> str:
    findings = sorted(check.findings, key=lambda finding: (finding.filename, finding.line))
    if not findings:
        return "" if check.error else "Check complete, no warnings found.\n"
    found = "1 warning has" if len(findings) == 1 else f"{len(findings)} warnings have"
    lines = [f"Check complete, {found} been found!"]
    for finding in findings:
        title = f"WARNING: {finding.rule}" + (f" - {finding.url}" if finding.url else "")
        lines += ["", title, finding.detail, *filter(None, [finding.place])]
    return "\n".join([*lines, *([""] if check.error else []), ""])


def _parsed(metadata: Mapping[str, str], dockerfile: str | None) -> _Check | None:
    """Read what a check has found; None where it has another form than BuildKit's."""
    try:
        results = shaped(read_json(metadata.get(_JSON, "")), _RESULTS)
        if results is None:
            return None
        sources = [_Source(item) for item in results.get("sources", ())]
        findings, room = [], _MOST_PLACES
        for item in results.get("warnings", ()):
            finding = _finding(item, sources, dockerfile)
            room -= len(finding.place)
            findings.append(finding if room > 0 else finding._replace(place=""))
        return _Check(
            findings=findings,
            error=_error(results.get("buildError"), sources, dockerfile),
        )
    except ValueError:
        return None


def _finding(item: Mapping[str, Any], sources: Sequence[_Source], dockerfile: str | None) -> _Finding:
    if "ruleName" not in item:
        raise ValueError("no finding")
    location = item.get("location", {})
    ranges = _ranges(location)
    return _Finding(
        rule=item["ruleName"],
        url=item.get("url", ""),
        detail=item.get("detail", ""),
        filename=source.filename if (source := _source(location, sources)) else "",
        line=ranges[0].start_line if ranges else 0,
        place=_place(location, sources, dockerfile),
    )


def _error(
    item: Mapping[str, Any] | None, sources: Sequence[_Source], dockerfile: str | None
) -> BuildError | None:
    if not item:
        return None
    return BuildError(item.get("message", ""), excerpt=_place(item.get("location", {}), sources, dockerfile))


def _place(location: Mapping[str, Any], sources: Sequence[_Source], dockerfile: str | None) -> str:
    source = _source(location, sources)
    if source is None:
        return ""
    return excerpt(dockerfile or source.filename, source.lines, _ranges(location))


def _source(location: Mapping[str, Any], sources: Sequence[_Source]) -> _Source | None:
    index = location.get("sourceIndex", 0)
    return sources[index] if 0 <= index < len(sources) else None


def _ranges(location: Mapping[str, Any]) -> list[SourceRange]:
    # Go leaves out what is zero.
    places = [(item.get("start", {}), item.get("end", {})) for item in location.get("ranges", ())]
    lines = [(start.get("line", 0), end.get("line", 0)) for start, end in places]
    return [SourceRange(start_line=start, end_line=max(start, end)) for start, end in lines]


def _shown(text: str) -> str:
    """Keep lines and tabs; nothing else may move the cursor, since a daemon sent it."""
    return "\n".join(own_line("\t".join(map(printable, line.split("\t")))) for line in text.split("\n"))
