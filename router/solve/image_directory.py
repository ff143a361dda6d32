"""An image as a directory in the OCI layout (``type=oci`` or ``docker`` with ``tar=false``).

The daemon writes the blobs into a store that the session offers; after the build the client records which of
them is the image, and its names.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence

from router.errors import OutputError, UsageError
from router.model.frozen import replace
from router.providers.oci_index import by_name, by_tag, put_image
from router.providers.oci_layout import OCILayout
from router.solve.exporters import ExportPlan
from router.solve.inputs import Inputs
from router.untrusted_json import read_json

__all__ = ["ImageDirectory"]

# The daemon supports one store of this kind, by this name.
_STORE = "export"
# In the exporters' response: the image's descriptor, as JSON in base64, and its names.
_DESCRIPTOR = "containerimage.descriptor"
_NAMES = "image.name"


class ImageDirectory:
    """The only directory of a build that gets an image. Raises ``UsageError`` for several of them."""

    def __init__(self, plans: Sequence[ExportPlan]) -> None:
        paths = [plan.dest for plan in plans if plan.delivery == "image-directory"]
        if len(paths) > 1:
            raise UsageError(
                f"a build can write only one image as a directory, not {len(paths)}: {', '.join(paths)}",
                hint="leave out tar=false for the others, or build once for each",
            )
        self._layout = OCILayout(paths[0], writable=True)

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the directory added to the session's stores."""
        return replace(inputs, layouts={**inputs.layouts, _STORE: self._layout})

    def keep(self, response: Mapping[str, str]) -> None:
        """Name the image in the directory's index. Raises ``OutputError``."""
        try:
            descriptor = read_json(binascii.a2b_base64(response.get(_DESCRIPTOR, "")))
        except ValueError:
            descriptor = None
        if not isinstance(descriptor, dict):
            raise OutputError("the daemon did not report which image it wrote to the directory")
        names = [by_name(name) for name in response.get(_NAMES, "").split(",") if name]
        try:
            put_image(self._layout, descriptor, names or [by_tag("latest")])
        except UsageError as exc:
            raise OutputError(
                f"can't add the image to the index of its directory: {exc}", hint=exc.hint
            ) from exc
