"""What a frontend answers through a program: buildctl or docker asks it, and prints what it says."""

from __future__ import annotations

from router.errors import UsageError
from router.flags.call import Call, format_call
from router.model.request import BuildRequest
from router.untrusted_json import NotJSONError, members, read_json

__all__ = ["PrintedAnswer", "check_buildctl_call", "docker_call"]

_JSON = "result.json"


class PrintedAnswer:
    """Takes what the program prints on its stdout, for as long as it runs."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        self._data += data

    def commit(self) -> None:
        """Do nothing: the answer is read from here."""

    def abort(self) -> None:
        """Do nothing: nothing was written anywhere."""

    def of_buildctl(self) -> dict[str, str]:
        """Return the answer as the frontend's metadata: buildctl prints the text alone."""
        return {"result.txt": self._text()}

    def of_docker(self, metadata_file: str) -> dict[str, str]:
        """Return the answer as the frontend's metadata, empty where there is none.

        The JSON is what was printed, the rest is what stands in the file. buildx writes it before it fails
        on what the answer says.
        """
        try:
            found = members(read_json(metadata_file))
        except NotJSONError:
            return {}
        if _JSON not in found:
            return {}
        texts = {name: value for name, value in found.items() if isinstance(value, str)}
        return texts | {_JSON: self._text().removesuffix("\n")}

    def _text(self) -> str:
        return self._data.decode("utf-8", "replace")


def check_buildctl_call(request: BuildRequest) -> None:
    """Raise ``UsageError`` for a question of whose answer buildctl keeps the essential to itself."""
    if request.call == "check":
        raise UsageError(
            "buildctl does not tell whether a check has passed",
            hint="use --backend native, which works with any daemon",
        )


def docker_call(request: BuildRequest) -> list[str]:
    """Return the flag for docker; what the answer's status becomes is the caller's business."""
    return ["--call", format_call(Call(method=request.call, format="json", ignore_status=True))]
