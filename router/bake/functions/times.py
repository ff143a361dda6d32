"""Functions of times: RFC 3339 timestamps, and the words of formatdate."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from router.bake.conversion import describe
from router.bake.functions.signature import ANY, NUMBERS, TEXT, Builtin, of
from router.bake.numbers import as_integer
from router.bake.places import DefinitionFault
from router.bake.values import Number, Value, is_number

__all__ = ["FUNCTIONS", "format_rfc3339"]

_TIMESTAMP = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,30}))?(?:Z|([+-])(\d\d):(\d\d))\Z"
_PIECE = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DURATION = r"([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)\Z"
_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_UNITS = {"ns": 1e-3, "us": 1, "µs": 1, "μs": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}


def _parsed(text: str) -> datetime:
    match = re.match(_TIMESTAMP, text)
    if match is None:
        raise DefinitionFault(f'"{text[:60]}" is not a valid RFC 3339 timestamp')
    numbers = [int(each) for each in match.groups()[:6]]
    minutes = int(match[9] or 0) * 60 + int(match[10] or 0)
    zone = timezone(timedelta(minutes=-minutes if match[8] == "-" else minutes)) if minutes < 1440 else None
    if zone is None:
        raise DefinitionFault(f'"{text[:60]}" is not a valid RFC 3339 timestamp: its zone is out of range')
    try:
        year, month, day, hour, minute, second = numbers
        fraction = (match[7] or "")[:6].ljust(6, "0")
        return datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=zone)
    except ValueError as exc:
        raise DefinitionFault(f'"{text[:60]}" is not a valid RFC 3339 timestamp: {exc}') from None


def _from_unix(value: Number) -> datetime:
    seconds = as_integer(value)
    if seconds is None:
        raise DefinitionFault("a unix timestamp must be an integer")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise DefinitionFault("the unix timestamp is out of range") from None


def format_rfc3339(time: datetime) -> str:
    """Return a time as RFC 3339 has it, to the second."""
    offset = _offset(time)
    return f"{time.year:04d}-{time:%m-%dT%H:%M:%S}{'Z' if offset == '+00:00' else offset}"


def _offset(time: datetime, colon: str = ":") -> str:
    minutes = round((time.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"


def _words(time: datetime) -> dict[str, str]:
    """Return what each word of a format stands for."""
    half = "AM" if time.hour < 12 else "PM"
    hour = time.hour % 12 or 12
    month, day = _MONTHS[time.month - 1], _DAYS[time.weekday()]
    zone = _offset(time, "")
    return {
        "YY": f"{time.year % 100:02d}", "YYYY": f"{time.year:04d}",
        "M": str(time.month), "MM": f"{time.month:02d}", "MMM": month[:3], "MMMM": month,
        "D": str(time.day), "DD": f"{time.day:02d}",
        "EEE": day[:3], "EEEE": day,
        "h": str(time.hour), "hh": f"{time.hour:02d}",
        "H": str(hour), "HH": f"{hour:02d}",
        "AA": half, "aa": half.lower(),
        "m": str(time.minute), "mm": f"{time.minute:02d}",
        "s": str(time.second), "ss": f"{time.second:02d}",
        "Z": "Z" if zone == "+0000" else _offset(time),
        "ZZZ": "UTC" if zone == "+0000" else zone, "ZZZZ": zone, "ZZZZZ": _offset(time),
    }  # fmt: skip


def _format_time(template: str, time: datetime) -> str:
    words = _words(time)
    made: list[str] = []
    for match in _PIECE.finditer(template):
        found = match[0]
        if found.startswith("'"):
            if len(found) == 1:
                raise DefinitionFault("a literal (') in the format has no end")
            made.append("'" if found == "''" else found[1:-1].replace("''", "'"))
        elif match[1]:
            if found not in words:
                raise DefinitionFault(
                    f'"{found[:40]}" is no word of a date\'s format: put what is literal in single quotes'
                )
            made.append(words[found])
        else:
            made.append(found)
    return "".join(made)


def _format_timestamp(template: str, value: Value) -> str:
    if isinstance(value, str):
        time = _parsed(value)
    elif is_number(value):
        time = _from_unix(value)  # type: ignore[arg-type]  # is_number says so
    else:
        raise DefinitionFault(f"a timestamp or a number of seconds is required, not {describe(value)}")
    if template == "X":
        return str((time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))
    return _format_time(template, time)


def _add(timestamp: str, duration: str) -> str:
    time = _parsed(timestamp)
    match = re.match(_DURATION, duration)
    if match is None or len(duration) > 100:
        raise DefinitionFault(f'"{duration[:60]}" is no duration, such as 1h30m')
    length = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, match[2]))
    try:
        return format_rfc3339(time + timedelta(microseconds=-length if match[1] == "-" else length))
    except OverflowError:
        raise DefinitionFault("the time is out of range") from None


def _parse_unix(value: Number) -> Value:
    time = _from_unix(value)
    year, week, _ = time.isocalendar()
    return {
        "year": time.year,
        "year_day": time.timetuple().tm_yday,
        "day": time.day,
        "month": time.month,
        "month_name": _MONTHS[time.month - 1],
        "weekday": time.isoweekday() % 7,
        "weekday_name": _DAYS[time.weekday()],
        "hour": time.hour,
        "minute": time.minute,
        "second": time.second,
        "rfc3339": format_rfc3339(time),
        "iso_year": year,
        "iso_week": week,
    }


FUNCTIONS: dict[str, Builtin] = {
    "formatdate": of(
        lambda template, time: _format_time(template, _parsed(time)), ("format", TEXT), ("time", TEXT)
    ),
    "formattimestamp": of(_format_timestamp, ("format", TEXT), ("time", ANY)),
    "timeadd": of(_add, ("timestamp", TEXT), ("duration", TEXT)),
    "unixtimestampparse": of(_parse_unix, ("unix_timestamp", NUMBERS)),
}
