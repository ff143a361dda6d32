"""The session's offers for a build's contexts and Dockerfile, and the frontend's attributes.

Made from the findings of ``router.solve.located``; daemons get new names for them in every attempt.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from router.model.frozen import field, frozen, replace
from router.solve.located import (
    Archive,
    Context,
    CopiedDockerfile,
    Folder,
    GenericForm,
    LocalDockerfile,
    Located,
    NamedDockerfile,
    NoFiles,
    Remote,
)

if TYPE_CHECKING:
    from router.providers.oci_layout import OCILayout

__all__ = ["Inputs", "open_inputs"]


@frozen
class Inputs:
    """``directories``, ``layouts`` and ``uploads`` (archive files) are offered to the daemon under their
    names; ``attrs`` go to the frontend, and so do ``definitions``, packed LLB by the frontend's names for
    contexts. The directories named in ``fresh`` were written only for this build."""

    directories: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, OCILayout] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)
    attrs: Mapping[str, str] = field(default_factory=dict, repr=False)  # a cache's have its credentials
    definitions: Mapping[str, bytes] = field(default_factory=dict)
    dockerfile_name: str = "Dockerfile"
    fresh: frozenset[str] = frozenset()


@contextmanager
def open_inputs(located: Located) -> Iterator[Inputs]:
    """Yield the inputs of a build; files that were written for them are removed afterwards."""
    inputs = _context(located.context)
    if isinstance(located.context, GenericForm):
        yield inputs
        return
    match located.dockerfile:
        case CopiedDockerfile(files=files):
            import tempfile  # few builds have their Dockerfile outside of a directory

            with tempfile.TemporaryDirectory(prefix="warmroute-dockerfile-") as directory:
                for name, text in files.items():
                    with open(os.path.join(directory, name), "wb") as file:
                        file.write(text)
                inputs = replace(inputs, fresh=frozenset(["dockerfile"]))
                if isinstance(located.context, NoFiles):
                    inputs = _with_empty_context(inputs, os.path.join(directory, "context"))
                # The Dockerfile comes first, beside its ignore file.
                yield _complete(located, _with_dockerfile(inputs, directory, next(iter(files))))
        case LocalDockerfile(directory=directory, name=name):
            yield _complete(located, _with_dockerfile(inputs, directory, name))
        case NamedDockerfile(name=name):
            attrs = {**inputs.attrs, "filename": name} if name else inputs.attrs
            yield _complete(located, replace(inputs, attrs=attrs, dockerfile_name=name or "Dockerfile"))
        case _:
            assert_never(located.dockerfile)


def _context(context: Context) -> Inputs:
    """Return only the main context."""
    match context:
        case Folder(path=path):
            return Inputs(directories={"context": path})
        case Remote(url=url):
            return Inputs(attrs={"context": url})
        case NoFiles():
            return Inputs()
        case Archive():
            return _archive(context)
        case GenericForm(directories=directories, layouts=layouts):
            return Inputs(directories=directories, layouts=layouts)
        case _:
            assert_never(context)


def _archive(archive: Archive) -> Inputs:
    from router.session.upload import upload_url

    upload_id = os.urandom(16).hex()
    url = upload_url(upload_id)
    if archive.is_plain:
        return Inputs(uploads={upload_id: archive.path}, attrs={"context": url})
    from router.solve.sources import unpacked

    # The frontend would read it as a Dockerfile; the daemon's copy operation recognises the archive.
    context = unpacked(url, title="[internal] load remote build context")
    return Inputs(uploads={upload_id: archive.path}, definitions={"context": context, "dockerfile": context})


def _with_empty_context(inputs: Inputs, path: str) -> Inputs:
    os.mkdir(path)
    return replace(inputs, directories={"context": path}, fresh=inputs.fresh | {"context"})


def _with_dockerfile(inputs: Inputs, directory: str, name: str) -> Inputs:
    """Return the inputs for a Dockerfile in a directory of its own."""
    attrs = {**inputs.attrs, "filename": name}
    if "context" not in inputs.directories:
        # The frontend looks for the Dockerfile in a remote context unless told otherwise.
        attrs["dockerfilekey"] = "dockerfile"
    directories = {"dockerfile": directory, **inputs.directories}
    return replace(inputs, directories=directories, attrs=attrs, dockerfile_name=name)


def _complete(located: Located, inputs: Inputs) -> Inputs:
    """Add the named contexts, and the capabilities that the frontend needs for all contexts."""
    capabilities: set[str] = set()
    if located.others:
        from router.solve.contexts import offer

        offers = offer(located.others)
        capabilities |= offers.capabilities
        inputs = replace(
            inputs,
            directories={**inputs.directories, **offers.directories},
            layouts=offers.layouts,
            attrs={**inputs.attrs, **offers.attrs},
        )
    if located.git is not None and "?" in located.git.url:
        from router.solve.contexts import has_query

        if has_query(located.git.url):
            capabilities.add("moby.buildkit.frontend.gitquerystring")
    if not capabilities:
        return inputs
    return replace(inputs, attrs={**inputs.attrs, "frontend.caps": ",".join(sorted(capabilities))})
