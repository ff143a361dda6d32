"""What a parser of a flag needs to refuse a value: the flag's name, and an example of a right one."""

from __future__ import annotations

from router.errors import UsageError
from router.model.frozen import frozen

__all__ = ["Flag"]


@frozen
class Flag:
    """A command-line flag, or an argument or a variable that holds the same kind of value.

    ``example`` is a right value for a flag, and the whole thing for others. What a ``secret`` flag was given
    is never repeated in a message.
    """

    name: str
    example: str
    secret: bool = False

    def error(self, text: str, why: str) -> UsageError:
        """Return the error that refuses ``text``; ``why`` must quote nothing that may be secret."""
        shown = "" if self.secret else f' "{text}"'
        example = f"{self.name} {self.example}" if self.name.startswith("-") else self.example
        return UsageError(f"invalid {self.name}{shown}: {why}", hint=f"for example: {example}")

    def refuse_path(self, text: str, meant: str) -> None:
        """Raise ``UsageError`` for a path in place of what is ``meant``.

        It is most likely the context, which the flag has taken for its value: ``build --build-arg .``
        """
        if text in {".", ".."} or text.startswith(("./", "../", "/", "~/")):
            raise self.error(text, f"its value is a path, not {meant}")
