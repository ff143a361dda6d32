"""Which command the first words of a command line name, in the ways that people try."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from router import UsageError

__all__ = ["as_asked", "before_command", "named", "no_such"]

_VERSION_NAMES = frozenset({"--version", "-V"})


def as_asked(commands: Collection[str], words: Sequence[str]) -> Sequence[str]:
    """Return the words with what other programs call it in place of ours: ``--version``, ``help build``."""
    if words[:1] == ["help"] and "help" not in commands:
        return [*words[1:], "--help"]
    if _VERSION_NAMES.intersection(words[:1]) and "version" in commands:
        return ["version", *words[1:]]
    return words


def named(commands: Collection[str], words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the command that the first words name, whether there is one or not, and the words behind it."""
    first = "".join(words[:1])
    if first and any(name.startswith(f"{first} ") for name in commands):
        return f"{first} {''.join(words[1:2])}", words[2:]
    return first, words[1:]


def no_such(program: str, commands: Collection[str], name: str) -> UsageError:
    """Return the error for a command that there isn't, with the one that was meant."""
    group, blank, command = name.rpartition(" ")
    known = dict.fromkeys(
        each.removeprefix(group + blank).partition(" ")[0]
        for each in commands
        if each.startswith(group + blank)
    )
    see = f"{program} {group}".rstrip()
    listed = f"the commands are {', '.join(known)}; see {see} --help"
    if command.startswith("-"):
        return UsageError(f"no such option: {name}", hint=listed)
    # Loaded for a name that is wrong only: every command passes here.
    from difflib import get_close_matches

    from cli.other_commands import INSTEAD

    if name in INSTEAD:
        return UsageError(f"no such command: {name}", hint=INSTEAD[name])
    near = get_close_matches(command, known, n=1)
    return UsageError(
        f"no such command: {name}", hint=f"did you mean {near[0]}? {listed}" if near else listed
    )


def before_command(
    program: str,
    commands: Collection[str],
    words: Sequence[str],
    options_of: Callable[[str], Collection[str]],
) -> UsageError:
    """Return the error for an option that stands before its command, as docker and buildx have some.

    ``options_of`` says which options a command has.
    """
    flag = words[0].partition("=")[0]
    behind = (named(commands, words[start:])[0] for start in range(1, len(words)))
    command = next((name for name in behind if name in commands), "")
    if command:
        from cli.other_flags import hint_for

        own = options_of(command)
        if flag in own:
            return UsageError(
                f"{flag} stands before the command",
                hint=f"it comes behind it: {program} {command} {flag}",
            )
        if hint := hint_for(flag, own):
            hint += f"; options come behind the command: {program} {command}"
            return UsageError(f"no such option: {flag}", hint=hint)
    return no_such(program, commands, flag)
