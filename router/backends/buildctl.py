"""The build as a run of BuildKit's own client, ``buildctl``.

What is asked of the daemon is the same as for the native backend, written as buildctl's flags; its
``--progress rawjson`` is read back into events. Addresses are buildctl's own, except for Docker engines,
which it can't reach.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from router.address import format_for_tools
from router.backends import BackendContext
from router.backends.answer import PrintedAnswer, check_buildctl_call
from router.backends.lending import lend
from router.backends.tool import (
    ToolOutput,
    ask_for_turn,
    format_export,
    open_sink,
    run_build,
    through_stdout,
    tool_version,
    trace_variables,
)
from router.backends.tool_faults import explained, read_text
from router.backends.tool_metadata import tool_metadata
from router.errors import RouterError, ToolError, UsageError
from router.flags.add_host import HOST_GATEWAY
from router.flags.cache import format_cache
from router.flags.registry_tls import format_registry_tls
from router.flags.secret import format_secret
from router.flags.ssh import format_ssh
from router.model.address import Address, KubePodAddress, TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.program import Command
from router.providers.surroundings import with_agent, with_build_args
from router.redaction import redacted
from router.running import Finished
from router.solve.dockerfile import remote_dockerfile
from router.solve.exporters import ExportPlan, export_plans
from router.solve.inputs import Inputs, open_inputs
from router.solve.prepared import PreparedBuild
from router.solve.rawjson import parse_rawjson
from router.solve.request import entitlements, frontend_attrs
from router.transport.options import DialOptions, TLSOptions
from router.transport.server_name import server_name

__all__ = ["BuildctlBackend", "build_arguments", "buildctl_command", "client_arguments"]

_HINT = "get buildctl from https://github.com/moby/buildkit/releases, or use --backend native"
# The first with --progress rawjson and several outputs.
_OLDEST = (0, 13)


class BuildctlBackend:
    """Runs buildctl. Stateless."""

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        """Build by one run of buildctl; see ``Backend.build``."""
        ask_for_turn(daemon, context)
        _check(build.request, daemon, context.dial)
        with lend(build.request, context) as lent:
            return self._build(replace(build, request=lent.request), daemon, lent.context)

    def _build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        request = with_build_args(build.request, context.environment, build.docker)
        request = with_agent(request, build.located.git, context.environment)
        plans = export_plans(build, engine=False)
        with (
            open_inputs(build.located) as inputs,
            tempfile.TemporaryDirectory(prefix="warmroute-buildctl-") as folder,
            open_sink(plans, build.engine) as sink,
        ):
            files = ["--metadata-file", f"{folder}/metadata", "--ref-file", f"{folder}/ref"]
            if request.source_policy:
                files += ["--source-policy-file", _written(f"{folder}/policy", request.source_policy)]
            argv = (
                *client_arguments(daemon, context.dial),
                *("build", "--progress", "rawjson"),
                *build_arguments(request, inputs, through_stdout(plans)),
                *files,
            )
            output = ToolOutput(parse_rawjson, context.on_event)
            command = replace(_command(argv, context), stdin=request.definition or b"")
            answer = PrintedAnswer() if request.call != "build" else None
            done = run_build(command, output, context, daemon, answer or sink)
            if done.returncode:
                raise _failure(output, done, daemon, context)
            metadata = tool_metadata(read_text(f"{folder}/metadata"), "buildctl", context.on_event)
            return BuildResult(
                daemon=daemon.name,
                address=daemon.address,
                ref=read_text(f"{folder}/ref"),
                metadata=metadata if answer is None else answer.of_buildctl(),
                key=context.key,
            )

    def command(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> Sequence[str]:
        """Return what ``build`` would run; see ``Backend.command``."""
        _check(build.request, daemon, context.dial)
        return buildctl_command(build, daemon, context)


def buildctl_command(build: PreparedBuild, daemon: Daemon, context: BackendContext) -> Sequence[str]:
    """Return a build in buildctl's words, redacted, whether buildctl could reach the daemon or not."""
    plans = export_plans(build, engine=False)
    with open_inputs(build.located) as inputs:
        arguments = build_arguments(build.request, inputs, plans)
        return redacted([*client_arguments(daemon, context.dial), "build", *arguments])


def client_arguments(daemon: Daemon, dial: DialOptions) -> list[str]:
    """Return the program and how it gets to the daemon. Pure."""
    address = _address(daemon, dial)
    argv = ["buildctl", "--addr", format_for_tools(address) or str(daemon.address)]
    tls = dial.tls
    if tls is not None:
        named = {
            "--tlscacert": tls.ca,
            "--tlscert": tls.cert,
            "--tlskey": tls.key,
            "--tlsservername": _server_name(address, tls),
        }
        argv += [part for flag, value in named.items() if value for part in (flag, value)]
    return argv


def _server_name(address: Address, tls: TLSOptions) -> str:
    """Return the name to give buildctl: none where it would take the address's own."""
    name = server_name(address, tls)
    return "" if isinstance(address, TcpAddress) and name == address.host else name


def build_arguments(request: BuildRequest, inputs: Inputs, plans: Sequence[ExportPlan]) -> list[str]:
    """Return what is to be built as flags of ``buildctl build``. Pure."""
    frontend, attrs = frontend_attrs(request, inputs)
    if request.call != "build":
        from router.solve.gateway import question_attrs

        attrs = question_attrs(attrs, request.call)
    flags = [("--frontend", frontend)] if frontend else []
    flags += [("--local", f"{name}={path}") for name, path in inputs.directories.items()]
    flags += [("--opt", f"{name}={value}") for name, value in attrs.items()]
    stores = {name.removeprefix("oci:"): layout.path for name, layout in inputs.layouts.items()}
    flags += [("--oci-layout", f"{name}={path}") for name, path in {**request.oci_layouts, **stores}.items()]
    flags += [("--secret", format_secret(secret)) for secret in request.secrets]
    flags += [("--ssh", format_ssh(agent)) for agent in request.ssh]
    flags += [("--registry-auth-tlscontext", format_registry_tls(tls)) for tls in request.registry_tls]
    flags += [("--allow", entitlement) for entitlement in entitlements(request, attrs)]
    flags += [("--import-cache", format_cache(option)) for option in request.cache_from]
    flags += [("--export-cache", format_cache(option)) for option in request.cache_to]
    flags += [("--output", format_export(plan)) for plan in plans]
    argv = [part for flag in flags for part in flag]
    if request.proxy_network:
        argv.append("--proxy-network")
    if request.definition is not None and request.no_cache:
        argv.append("--no-cache")
    return argv


def _check(request: BuildRequest, daemon: Daemon, dial: DialOptions) -> None:
    """Raise ``UsageError`` for what buildctl can't do."""
    check_buildctl_call(request)
    if request.context_archive is not None:
        raise UsageError(
            "buildctl can't send an archive as the context", hint="unpack it, or use --backend native"
        )
    if remote_dockerfile(request):
        raise UsageError(
            f"buildctl can't download the Dockerfile {request.dockerfile}",
            hint="download it, or use --backend native",
        )
    if request.context_times != "file":
        raise UsageError(
            f"buildctl can't describe files by their {request.context_times}",
            hint="leave out --context-times, or use --backend native",
        )
    if any(HOST_GATEWAY in host.addresses for host in request.add_hosts):
        raise UsageError(
            "buildctl can't look up the address for host-gateway",
            hint="pass the IP address itself, or use --backend native",
        )
    if format_for_tools(_address(daemon, dial)) is None:
        raise UsageError(
            f"buildctl can't reach {daemon.address}",
            hint="use --backend native, or `warmroute exec -- buildctl ...`",
        )


def _address(daemon: Daemon, dial: DialOptions) -> Address:
    """Return the address with what the options add to it: buildctl knows none of these."""
    address = daemon.address
    if not isinstance(address, KubePodAddress):
        return address
    return replace(
        address,
        context=address.context or dial.kube_context,
        container=dial.container or address.container,
        via=address.via or dial.via,
        port=dial.pod_port or address.port,
    )


def _command(argv: Sequence[str], context: BackendContext) -> Command:
    environment = {**context.environment, **trace_variables(context.span)}
    if context.dial.kubeconfig:
        environment["KUBECONFIG"] = context.dial.kubeconfig
    return Command(argv=tuple(argv), environment=environment, hint=_HINT, descriptors=context.lent)


def _failure(output: ToolOutput, done: Finished, daemon: Daemon, context: BackendContext) -> RouterError:
    version = () if output.started else tool_version(_command(("buildctl", "--version"), context))
    if any(version) and version < _OLDEST:
        found = ".".join(map(str, version))
        return ToolError(f"buildctl {found} is too old: 0.13 or newer is needed", hint=_HINT)
    argv = (*client_arguments(daemon, context.dial), "debug", "workers")
    return explained(output, done, daemon, context, _command(argv, context))


def _written(path: str, text: str) -> str:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
