"""The contexts and the Dockerfile of a request: what the session offers, what the frontend is told.

Checks here what can be checked before a daemon is bothered: that directories and Dockerfile exist.
What a URL names is the daemon's business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from router.errors import UsageError
from router.flags.context import STDIN, GitContext, HTTPContext, parse_context
from router.model.frozen import field, frozen, replace
from router.model.request import BuildRequest
from router.once import is_one_time
from router.readable import directory_fault
from router.solve.dockerfile import existing_file, files_of_link, find_dockerfile, remote_dockerfile
from router.solve.ignore_files import IGNORE_FILE, check_generic_ignore_files, check_ignore_files

if TYPE_CHECKING:
    from router.providers.oci_layout import OCILayout

__all__ = ["Inputs", "check_inputs", "open_inputs"]


@frozen
class Inputs:
    """``directories``, ``layouts`` and ``uploads`` (files that are archives) are offered to the daemon under
    their names; ``attrs`` go to the frontend, and so do ``definitions``, packed LLB by the names that the
    frontend has for contexts. The directories named in ``fresh`` were written for this build alone."""

    directories: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, OCILayout] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)
    attrs: Mapping[str, str] = field(default_factory=dict, repr=False)  # a cache's have its credentials
    definitions: Mapping[str, bytes] = field(default_factory=dict)
    dockerfile_name: str = "Dockerfile"
    fresh: frozenset[str] = frozenset()


@contextmanager
def open_inputs(request: BuildRequest) -> Iterator[Inputs]:
    """Yield the inputs of a request; what had to be written for them is removed afterwards.

    Raises ``UsageError`` for a context or a Dockerfile that is not there.
    """
    if request.generic:
        yield _generic(request)
    elif (files := _dockerfile_to_write(request)) is not None:
        import tempfile  # few builds have their Dockerfile elsewhere than in a directory

        with tempfile.TemporaryDirectory(prefix="warmroute-dockerfile-") as directory:
            for name, text in files.items():
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(text)
            # The Dockerfile stands first, beside its ignore file.
            inputs = _with_dockerfile(request, directory, next(iter(files)))
            fresh = {"dockerfile", "context"} if _is_empty(request) else {"dockerfile"}
            yield _complete(request, replace(inputs, fresh=frozenset(fresh)))
    elif url := remote_dockerfile(request):
        # Who builds downloads it before this: here it can only be named.
        inputs = _context(request)
        yield _complete(request, replace(inputs, attrs={**inputs.attrs, "filename": url}))
    elif request.context_archive is not None or _is_remote(request.context):
        yield _complete(request, _remote(request))
    else:
        directory, name = _local_dockerfile(request)
        yield _complete(request, _with_dockerfile(request, directory, name))


def check_inputs(request: BuildRequest) -> None:
    """Raise ``UsageError`` for a context or a Dockerfile that is not there, or that buildctl's form lacks,
    and for an ignore file that can't be read."""
    if request.generic:
        from router.solve.generic import check_generic

        check_generic(request)
        _generic(request)
        check_generic_ignore_files(request.frontend, request.local_dirs, request.frontend_options)
        return
    context: str | None = None
    own: tuple[str, str] | None = None
    others: Mapping[str, str] = {}
    remote = request.context_archive is not None or _is_remote(request.context)
    if not remote and not _is_empty(request):
        context = _context_directory(request.context)
    if request.dockerfile_text is None and not remote_dockerfile(request):
        if not remote:
            own = _own_ignore_file(*_local_dockerfile(request))
        elif request.context_archive is None and os.path.isabs(request.dockerfile or ""):
            own = _own_ignore_file(*existing_file(request.dockerfile or ""))
    if request.build_contexts:
        from router.solve.contexts import named_contexts

        others = named_contexts(request.build_contexts).directories
    check_ignore_files(context, own, others.values())


def _own_ignore_file(directory: str, name: str) -> tuple[str, str]:
    """Return directory and name of the ignore file beside a Dockerfile, whether it is there or not."""
    if files_of_link(directory, name) is None:
        return directory, name + IGNORE_FILE
    # The daemon gets a copy of what it leads to.
    return os.path.split(os.path.realpath(os.path.join(directory, name + IGNORE_FILE)))


def _generic(request: BuildRequest) -> Inputs:
    """Return what buildctl's form names: directories and layouts, and nothing for a Dockerfile."""
    for name, path in request.local_dirs.items():
        if fault := directory_fault(path):
            raise UsageError(
                f"--local {name}={path}: {path} {fault.text}",
                hint=fault.hint or "give a directory",
                reason="local",
            )
    if not request.oci_layouts:
        return Inputs(directories=request.local_dirs)
    from router.solve.contexts import open_layout

    layouts = {
        f"oci:{name}": open_layout(path, f"--oci-layout {name}={path}")
        for name, path in request.oci_layouts.items()
    }
    return Inputs(directories=request.local_dirs, layouts=layouts)


def _complete(request: BuildRequest, inputs: Inputs) -> Inputs:
    """Add the named contexts, and what the frontend must be able to do for all contexts."""
    capabilities: set[str] = set()
    if request.build_contexts:
        from router.solve.contexts import named_contexts

        offers = named_contexts(request.build_contexts)
        capabilities |= offers.capabilities
        inputs = replace(
            inputs,
            directories={**inputs.directories, **offers.directories},
            layouts=offers.layouts,
            attrs={**inputs.attrs, **offers.attrs},
        )
    if "?" in inputs.attrs.get("context", ""):
        from router.solve.contexts import has_git_query

        if has_git_query(inputs.attrs["context"]):
            capabilities.add("moby.buildkit.frontend.gitquerystring")
    if not capabilities:
        return inputs
    return replace(inputs, attrs={**inputs.attrs, "frontend.caps": ",".join(sorted(capabilities))})


def _remote(request: BuildRequest) -> Inputs:
    """Return the inputs for a Dockerfile in a context that isn't a directory of this machine."""
    dockerfile = request.dockerfile or ""
    if os.path.isabs(dockerfile) and request.context_archive is None:
        directory, name = existing_file(dockerfile)
        return _with_dockerfile(request, directory, name)
    inputs = _context(request)
    attrs = {**inputs.attrs, "filename": dockerfile} if dockerfile else inputs.attrs
    return replace(inputs, attrs=attrs, dockerfile_name=dockerfile or "Dockerfile")


def _with_dockerfile(request: BuildRequest, directory: str, name: str) -> Inputs:
    """Return the inputs for a Dockerfile in a directory of its own."""
    inputs = _context(request)
    attrs = {**inputs.attrs, "filename": name}
    directories = {"dockerfile": directory, **inputs.directories}
    if "context" not in inputs.directories:
        # The frontend looks for the Dockerfile in a remote context unless told where else it is.
        attrs["dockerfilekey"] = "dockerfile"
    elif _is_empty(request):
        directories["context"] = _empty_within(directory)
    return replace(inputs, directories=directories, attrs=attrs, dockerfile_name=name)


def _context(request: BuildRequest) -> Inputs:
    """Return the main context alone."""
    if request.context_archive is not None:
        return _archive(request.context_archive)
    if _is_empty(request):
        return Inputs(directories={"context": ""})
    if _is_remote(request.context):
        return Inputs(attrs={"context": request.context})
    return Inputs(directories={"context": _context_directory(request.context)})


def _archive(path: str) -> Inputs:
    from router.notation.archive import HEADER_SIZE, is_plain_archive
    from router.session.upload import upload_url

    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_SIZE)
    except OSError as exc:
        raise UsageError(f"can't read the context {path}: {exc.strerror}", reason="context") from exc
    upload_id = os.urandom(16).hex()
    url = upload_url(upload_id)
    if is_plain_archive(header):
        return Inputs(uploads={upload_id: path}, attrs={"context": url})
    from router.solve.sources import unpacked

    # The frontend would take it for a Dockerfile; what the daemon copies files with knows better.
    context = unpacked(url, title="[internal] load remote build context")
    return Inputs(uploads={upload_id: path}, definitions={"context": context, "dockerfile": context})


def _dockerfile_to_write(request: BuildRequest) -> Mapping[str, bytes] | None:
    """Return files by their names, the Dockerfile first, where it isn't one that can be offered in place."""
    if request.dockerfile_text is not None:
        return {"Dockerfile": request.dockerfile_text}
    if remote_dockerfile(request) or request.context_archive is not None or _is_remote(request.context):
        return None
    return files_of_link(*_local_dockerfile(request))


def _empty_within(directory: str) -> str:
    path = os.path.join(directory, "context")
    os.mkdir(path)
    return path


def _is_empty(request: BuildRequest) -> bool:
    """Say whether there are no files but the Dockerfile, which came on stdin in the context's place."""
    return (
        request.context == STDIN and request.context_archive is None and request.dockerfile_text is not None
    )


def _is_remote(context: str) -> bool:
    # As buildx does: a directory of that name wins over a URL of that form.
    return not os.path.isdir(context) and isinstance(parse_context(context), GitContext | HTTPContext)


def _context_directory(context: str) -> str:
    if context == STDIN:
        raise UsageError(
            "the build context is stdin, which has not been read", hint="router.open_stdin_context reads it"
        )
    if fault := directory_fault(context):
        piped = f"an archive comes on stdin: warmroute build - < {context}"
        raise UsageError(
            f"the build context {context} {fault.text}",
            hint=piped if is_one_time(context) else fault.hint or "give a directory, or a git or http URL",
            reason="context",
        )
    return context


def _local_dockerfile(request: BuildRequest) -> tuple[str, str]:
    return find_dockerfile(_context_directory(request.context), request.dockerfile)
