"""warmroute as a library: send a build to the daemon that is warm for it.

>>> from router import BuildRequest, BuildRouter, RouterConfig, parse_addresses
>>> router = BuildRouter(RouterConfig(addresses=parse_addresses(["a=tcp://127.0.0.1:1234"])))
>>> result = router.build(BuildRequest(context=".", tags=("app:dev",)))  # doctest: +SKIP
>>> result.daemon, result.digest  # doctest: +SKIP

The names below are the public ones; everything else may change. They are imported when they are first
used, so that a program pays only for what it needs. The command line of warmroute is made of these names too.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.bake.definition import BakeDefinition as BakeDefinition
    from router.bake.definition import BakeFile as BakeFile
    from router.bake.definition import BakePlan as BakePlan
    from router.bake.outside import BakeOutside as BakeOutside
    from router.bake.overrides import bake_overrides as bake_overrides
    from router.bake.printing import bake_plan_json as bake_plan_json
    from router.bake.printing import bake_plan_values as bake_plan_values
    from router.bake.printing import bake_targets_json as bake_targets_json
    from router.bake.printing import bake_variables_json as bake_variables_json
    from router.bake.printing import list_bake_targets as list_bake_targets
    from router.bake.reading import plan_bake as plan_bake
    from router.bake.reading import read_bake as read_bake
    from router.bake.target import BakeGroup as BakeGroup
    from router.bake.target import BakeTarget as BakeTarget
    from router.bake.variables import BakeVariable as BakeVariable
    from router.baking.groups import placing_keys as placing_keys
    from router.baking.keys import BakeKeys as BakeKeys
    from router.baking.outcome import BakeListener as BakeListener
    from router.baking.outcome import TargetOutcome as TargetOutcome
    from router.baking.remote import RemoteDefinition as RemoteDefinition
    from router.baking.remote import is_remote_definition as is_remote_definition
    from router.baking.remote import read_remote_bake as read_remote_bake
    from router.baking.requests import BakeBuild as BakeBuild
    from router.baking.requests import BakePlace as BakePlace
    from router.baking.requests import bake_builds as bake_builds
    from router.baking.rights import BakeRights as BakeRights
    from router.baking.rights import MissingRight as MissingRight
    from router.baking.rights import missing_rights as missing_rights
    from router.baking.rights import parse_bake_rights as parse_bake_rights
    from router.baking.rights import with_rights as with_rights
    from router.baking.run import BakeOrder as BakeOrder
    from router.baking.run import build_targets as build_targets
    from router.bounds import MOST_STEPS as MOST_STEPS
    from router.bounds import MOST_TRANSFERS as MOST_TRANSFERS
    from router.bounds import MOST_WARNINGS as MOST_WARNINGS
    from router.bounds import shortened as shortened
    from router.build import BuildRouter as BuildRouter
    from router.build import Route as Route
    from router.cancellation import TIME_IS_UP as TIME_IS_UP
    from router.cancellation import Cancellation as Cancellation
    from router.children import child_starts as child_starts
    from router.children import kill_children as kill_children
    from router.config import RouterConfig as RouterConfig
    from router.config import home_directory as home_directory
    from router.config import local_platform as local_platform
    from router.config import project_file as project_file
    from router.config import tls_options as tls_options
    from router.config import user_file as user_file
    from router.configuration.document import ConfigDocument as ConfigDocument
    from router.configuration.document import ConfigForm as ConfigForm
    from router.configuration.document import ConfigKey as ConfigKey
    from router.configuration.document import ConfigSetting as ConfigSetting
    from router.configuration.document import parse_document as parse_document
    from router.configuration.reading import read_config_file as read_config_file
    from router.configuration.trust import is_trusted as is_trusted
    from router.configuration.trust import set_trust as set_trust
    from router.configuration.writing import forget_fleet as forget_fleet
    from router.configuration.writing import remember_fleet as remember_fleet
    from router.docker.builder_alias import BuilderAlias as BuilderAlias
    from router.docker.plugins import docker_context as docker_context
    from router.docker.plugins import docker_plugin_directory as docker_plugin_directory
    from router.errors import BuildError as BuildError
    from router.errors import BusyError as BusyError
    from router.errors import CancelledError as CancelledError
    from router.errors import ColdError as ColdError
    from router.errors import ConnectionLostError as ConnectionLostError
    from router.errors import DialError as DialError
    from router.errors import FleetError as FleetError
    from router.errors import NoDaemonError as NoDaemonError
    from router.errors import OutputError as OutputError
    from router.errors import OverloadError as OverloadError
    from router.errors import RegistryError as RegistryError
    from router.errors import RouterError as RouterError
    from router.errors import RpcError as RpcError
    from router.errors import TimeLimitError as TimeLimitError
    from router.errors import ToolError as ToolError
    from router.errors import TransferError as TransferError
    from router.errors import UnreachableError as UnreachableError
    from router.errors import UsageError as UsageError
    from router.errors import os_reason as os_reason
    from router.extras import install_line as install_line
    from router.files import FileSink as FileSink
    from router.files import check_file as check_file
    from router.flags.add_host import parse_add_host as parse_add_host
    from router.flags.address import parse_addresses as parse_addresses
    from router.flags.annotation import parse_annotations as parse_annotations
    from router.flags.attest import parse_attests as parse_attests
    from router.flags.build_context import parse_build_contexts as parse_build_contexts
    from router.flags.cache import CACHE_FROM as CACHE_FROM
    from router.flags.cache import CACHE_TO as CACHE_TO
    from router.flags.cache import parse_caches as parse_caches
    from router.flags.call import Call as Call
    from router.flags.call import parse_call as parse_call
    from router.flags.entitlement import parse_entitlements as parse_entitlements
    from router.flags.identity import parse_identity as parse_identity
    from router.flags.listen import ListenAddress as ListenAddress
    from router.flags.listen import default_listen as default_listen
    from router.flags.listen import parse_listen as parse_listen
    from router.flags.network import parse_network as parse_network
    from router.flags.output import is_load as is_load
    from router.flags.output import parse_output as parse_output
    from router.flags.output import resolve_outputs as resolve_outputs
    from router.flags.pairs import parse_pairs as parse_pairs
    from router.flags.pairs import parse_quantities as parse_quantities
    from router.flags.platform import parse_platforms as parse_platforms
    from router.flags.registry_tls import parse_registry_tlss as parse_registry_tlss
    from router.flags.resource import parse_resources as parse_resources
    from router.flags.secret import parse_secrets as parse_secrets
    from router.flags.skaffold import SkaffoldBuild as SkaffoldBuild
    from router.flags.skaffold import skaffold as skaffold
    from router.flags.ssh import parse_sshs as parse_sshs
    from router.flags.stage import parse_stages as parse_stages
    from router.flags.stage import parse_target as parse_target
    from router.flags.status import parse_health as parse_health
    from router.flags.status import parse_status as parse_status
    from router.flags.toleration import Toleration as Toleration
    from router.flags.toleration import parse_tolerations as parse_tolerations
    from router.flags.ulimit import parse_ulimits as parse_ulimits
    from router.flags.usage_filter import UsageFilter as UsageFilter
    from router.flags.usage_filter import parse_usage_filters as parse_usage_filters
    from router.fleet import Fleet as Fleet
    from router.fleet.choosing import choose_daemons as choose_daemons
    from router.json_shape import Shape as Shape
    from router.json_shape import shaped as shaped
    from router.model.annotations import MAX_BUILDS as MAX_BUILDS
    from router.model.build_options import Annotation as Annotation
    from router.model.build_options import Attestation as Attestation
    from router.model.build_options import ExtraHost as ExtraHost
    from router.model.build_options import SSHAgent as SSHAgent
    from router.model.build_options import Ulimit as Ulimit
    from router.model.daemon import NOT_ASKED as NOT_ASKED
    from router.model.daemon import Candidate as Candidate
    from router.model.daemon import Daemon as Daemon
    from router.model.daemon import Place as Place
    from router.model.events import Attempt as Attempt
    from router.model.events import Event as Event
    from router.model.events import Notice as Notice
    from router.model.events import ProgressGroup as ProgressGroup
    from router.model.events import SolveStatus as SolveStatus
    from router.model.events import SourceRange as SourceRange
    from router.model.events import Vertex as Vertex
    from router.model.events import VertexLog as VertexLog
    from router.model.events import VertexStatus as VertexStatus
    from router.model.events import VertexWarning as VertexWarning
    from router.model.frozen import replace as replace
    from router.model.miss import Miss as Miss
    from router.model.record import BuildRecord as BuildRecord
    from router.model.request import BuildRequest as BuildRequest
    from router.model.request import CacheOption as CacheOption
    from router.model.request import ContextTimes as ContextTimes
    from router.model.request import Output as Output
    from router.model.request import Secret as Secret
    from router.model.result import BuildResult as BuildResult
    from router.model.routing import BackendName as BackendName
    from router.model.routing import Fallback as Fallback
    from router.model.routing import GrpcEngine as GrpcEngine
    from router.model.routing import Placement as Placement
    from router.model.routing import Spill as Spill
    from router.model.routing import Via as Via
    from router.model.source import excerpt as excerpt
    from router.model.source import source_lines as source_lines
    from router.model.tls import TLSOptions as TLSOptions
    from router.notation.boolean import parse_bool as parse_bool
    from router.notation.duration import parse_duration as parse_duration
    from router.notation.flag import Flag as Flag
    from router.notation.keyvalue import parse_build_args as parse_build_args
    from router.notation.keyvalue import parse_labels as parse_labels
    from router.notation.quantity import Quantity as Quantity
    from router.notation.quantity import parse_quantity as parse_quantity
    from router.notation.size import SHM_SIZE as SHM_SIZE
    from router.notation.size import parse_size as parse_size
    from router.notation.tag import Reference as Reference
    from router.notation.tag import format_reference as format_reference
    from router.notation.tag import parse_reference as parse_reference
    from router.notation.tag import parse_tags as parse_tags
    from router.once import OneTimeFiles as OneTimeFiles
    from router.once import same_source as same_source
    from router.operations.attachments import read_attachment as read_attachment
    from router.operations.build_log import follow_build as follow_build
    from router.operations.build_trace import read_trace as read_trace
    from router.operations.cancel import cancel_builds as cancel_builds
    from router.operations.create_image import ImageOrder as ImageOrder
    from router.operations.create_image import combine_image as combine_image
    from router.operations.create_image import publish_image as publish_image
    from router.operations.debug_daemon import DaemonVersion as DaemonVersion
    from router.operations.debug_daemon import Device as Device
    from router.operations.debug_daemon import GCRule as GCRule
    from router.operations.debug_daemon import Worker as Worker
    from router.operations.debug_daemon import ask_info as ask_info
    from router.operations.debug_daemon import ask_workers as ask_workers
    from router.operations.debug_llb import llb_as_dot as llb_as_dot
    from router.operations.debug_llb import llb_as_json as llb_as_json
    from router.operations.debug_llb import llb_operations as llb_operations
    from router.operations.dial_stdio import dial_stdio as dial_stdio
    from router.operations.doctor.examine import examine as examine
    from router.operations.doctor.finding import Finding as Finding
    from router.operations.drain import drain as drain
    from router.operations.each import Answer as Answer
    from router.operations.export_builds import export_builds as export_builds
    from router.operations.find_build import find_build as find_build
    from router.operations.in_flight import InFlight as InFlight
    from router.operations.in_flight import ask_in_flight as ask_in_flight
    from router.operations.inspect import DaemonReport as DaemonReport
    from router.operations.inspect import inspect as inspect
    from router.operations.inspect_build import BuildDetails as BuildDetails
    from router.operations.inspect_build import inspect_build as inspect_build
    from router.operations.provenance import build_provenance as build_provenance
    from router.operations.prune import plan_prune as plan_prune
    from router.operations.prune import prune as prune
    from router.operations.prune_plan import Pruning as Pruning
    from router.operations.records import BuildOutcome as BuildOutcome
    from router.operations.records import DaemonRecord as DaemonRecord
    from router.operations.records import RecordQuery as RecordQuery
    from router.operations.records import ask_records as ask_records
    from router.operations.records import by_time as by_time
    from router.operations.run_with_daemon import run_with_daemon as run_with_daemon
    from router.operations.spans import RecordedSpan as RecordedSpan
    from router.operations.spans import as_otlp as as_otlp
    from router.operations.stats import BuildStats as BuildStats
    from router.operations.stats import StatsBy as StatsBy
    from router.operations.stats import build_stats as build_stats
    from router.operations.update_history import HistoryChange as HistoryChange
    from router.operations.update_history import change_history as change_history
    from router.operations.usage import CacheMount as CacheMount
    from router.operations.usage import CacheRecord as CacheRecord
    from router.operations.usage import Usage as Usage
    from router.operations.usage import ask_usage as ask_usage
    from router.operations.usage import cache_mounts as cache_mounts
    from router.operations.usage import usage_of as usage_of
    from router.placement.key import Key as Key
    from router.program import find_program as find_program
    from router.providers.stdin_context import open_stdin_context as open_stdin_context
    from router.provision.certificate_folder import Certificates as Certificates
    from router.provision.certificate_folder import make_certificates as make_certificates
    from router.provision.cluster import FleetCluster as FleetCluster
    from router.provision.cluster import find_cluster as find_cluster
    from router.provision.cluster import fleet_namespace as fleet_namespace
    from router.provision.cluster import fleet_settings as fleet_settings
    from router.provision.cluster import open_cluster as open_cluster
    from router.provision.down import take_down as take_down
    from router.provision.found import FleetState as FleetState
    from router.provision.found import PoolState as PoolState
    from router.provision.found import fleet_states as fleet_states
    from router.provision.manifest_text import manifests_as_yaml as manifests_as_yaml
    from router.provision.manifests import manifests as manifests
    from router.provision.outcome import FleetMade as FleetMade
    from router.provision.outcome import FleetRemoved as FleetRemoved
    from router.provision.outcome import FleetScaled as FleetScaled
    from router.provision.outcome import ObjectChange as ObjectChange
    from router.provision.outcome import PoolChange as PoolChange
    from router.provision.pod_rows import PodRow as PodRow
    from router.provision.rollout import FleetWait as FleetWait
    from router.provision.scale import scale_fleet as scale_fleet
    from router.provision.spec import AccessSpec as AccessSpec
    from router.provision.spec import FleetSpec as FleetSpec
    from router.provision.spec import PodSpec as PodSpec
    from router.provision.spec import StateSpec as StateSpec
    from router.provision.step import FleetStep as FleetStep
    from router.provision.up import FleetWanted as FleetWanted
    from router.provision.up import bring_up as bring_up
    from router.redaction import shown_options as shown_options
    from router.redaction import without_passwords as without_passwords
    from router.registry.client import RegistryClient as RegistryClient
    from router.registry.client import tagged as tagged
    from router.registry.combining import Combined as Combined
    from router.registry.descriptor import Descriptor as Descriptor
    from router.registry.descriptor import descriptor_json as descriptor_json
    from router.registry.document import Document as Document
    from router.registry.go_json import go_json as go_json
    from router.registry.sources import parse_sources as parse_sources
    from router.registry.viewing import manifest_view as manifest_view
    from router.serving.buildx_builder import register_builder as register_builder
    from router.serving.endpoint import Endpoint as Endpoint
    from router.serving.fleet_endpoint import EndpointTerms as EndpointTerms
    from router.serving.fleet_endpoint import fleet_endpoint as fleet_endpoint
    from router.serving.inherited import admits_several_users as admits_several_users
    from router.serving.inherited import inherited_sockets as inherited_sockets
    from router.serving.listener import Admission as Admission
    from router.serving.listener import Listener as Listener
    from router.serving.listening import listen_on as listen_on
    from router.serving.loops import refuse_itself as refuse_itself
    from router.serving.service_manager import notify_service_manager as notify_service_manager
    from router.serving.watching.opening import open_health as open_health
    from router.serving.watching.opening import open_status as open_status
    from router.simulation.given import invented_keys as invented_keys
    from router.simulation.given import parse_daemon_names as parse_daemon_names
    from router.simulation.given import parse_scale as parse_scale
    from router.simulation.given import read_daemon_names as read_daemon_names
    from router.simulation.given import read_keys as read_keys
    from router.simulation.given import scaled as scaled
    from router.simulation.given import unhindered as unhindered
    from router.simulation.model import Churn as Churn
    from router.simulation.model import SimulatedKey as SimulatedKey
    from router.simulation.model import Simulation as Simulation
    from router.simulation.model import Traffic as Traffic
    from router.simulation.outcome import Outcome as Outcome
    from router.simulation.placing import Balance as Balance
    from router.simulation.placing import Move as Move
    from router.simulation.recorded import Recorded as Recorded
    from router.simulation.recorded import recorded_keys as recorded_keys
    from router.simulation.study import Findings as Findings
    from router.simulation.study import Run as Run
    from router.simulation.study import simulate as simulate
    from router.solve.mark import started_by as started_by
    from router.solve.record_name import build_name as build_name
    from router.telemetry import Telemetry as Telemetry
    from router.telemetry import open_telemetry as open_telemetry
    from router.tracing import NO_SPAN as NO_SPAN
    from router.tracing import Span as Span
    from router.transport.options import DialOptions as DialOptions
    from router.untrusted_json import read_json as read_json

_MODULES = {
    "router.bake.definition": "BakeDefinition BakeFile BakePlan",
    "router.bake.outside": "BakeOutside",
    "router.bake.overrides": "bake_overrides",
    "router.bake.printing": "bake_plan_json bake_plan_values bake_targets_json bake_variables_json"
    " list_bake_targets",
    "router.bake.reading": "plan_bake read_bake",
    "router.bake.target": "BakeGroup BakeTarget",
    "router.bake.variables": "BakeVariable",
    "router.baking.groups": "placing_keys",
    "router.baking.keys": "BakeKeys",
    "router.baking.outcome": "BakeListener TargetOutcome",
    "router.baking.remote": "RemoteDefinition is_remote_definition read_remote_bake",
    "router.baking.requests": "BakeBuild BakePlace bake_builds",
    "router.baking.rights": "BakeRights MissingRight missing_rights parse_bake_rights with_rights",
    "router.baking.run": "BakeOrder build_targets",
    "router.bounds": "MOST_STEPS MOST_TRANSFERS MOST_WARNINGS shortened",
    "router.build": "BuildRouter Route",
    "router.cancellation": "TIME_IS_UP Cancellation",
    "router.children": "child_starts kill_children",
    "router.config": "home_directory local_platform project_file RouterConfig tls_options user_file",
    "router.configuration.document": "ConfigDocument ConfigForm ConfigKey ConfigSetting parse_document",
    "router.configuration.reading": "read_config_file",
    "router.configuration.trust": "is_trusted set_trust",
    "router.configuration.writing": "forget_fleet remember_fleet",
    "router.docker.builder_alias": "BuilderAlias",
    "router.docker.plugins": "docker_context docker_plugin_directory",
    "router.errors": "BuildError BusyError CancelledError ColdError ConnectionLostError DialError FleetError"
    " NoDaemonError OutputError OverloadError RegistryError RouterError RpcError TimeLimitError ToolError"
    " TransferError UnreachableError UsageError os_reason",
    "router.extras": "install_line",
    "router.files": "check_file FileSink",
    "router.flags.add_host": "parse_add_host",
    "router.flags.address": "parse_addresses",
    "router.flags.annotation": "parse_annotations",
    "router.flags.attest": "parse_attests",
    "router.flags.build_context": "parse_build_contexts",
    "router.flags.cache": "CACHE_FROM CACHE_TO parse_caches",
    "router.flags.call": "Call parse_call",
    "router.flags.entitlement": "parse_entitlements",
    "router.flags.identity": "parse_identity",
    "router.flags.listen": "default_listen ListenAddress parse_listen",
    "router.flags.network": "parse_network",
    "router.flags.output": "is_load parse_output resolve_outputs",
    "router.flags.pairs": "parse_pairs parse_quantities",
    "router.flags.platform": "parse_platforms",
    "router.flags.registry_tls": "parse_registry_tlss",
    "router.flags.resource": "parse_resources",
    "router.flags.secret": "parse_secrets",
    "router.flags.skaffold": "skaffold SkaffoldBuild",
    "router.flags.ssh": "parse_sshs",
    "router.flags.stage": "parse_stages parse_target",
    "router.flags.status": "parse_health parse_status",
    "router.flags.toleration": "Toleration parse_tolerations",
    "router.flags.ulimit": "parse_ulimits",
    "router.flags.usage_filter": "parse_usage_filters UsageFilter",
    "router.fleet": "Fleet",
    "router.fleet.choosing": "choose_daemons",
    "router.json_shape": "Shape shaped",
    "router.model.annotations": "MAX_BUILDS",
    "router.model.build_options": "Annotation Attestation ExtraHost SSHAgent Ulimit",
    "router.model.daemon": "Candidate Daemon NOT_ASKED Place",
    "router.model.events": "Attempt Event Notice ProgressGroup SolveStatus SourceRange Vertex VertexLog"
    " VertexStatus VertexWarning",
    "router.model.frozen": "replace",
    "router.model.miss": "Miss",
    "router.model.record": "BuildRecord",
    "router.model.request": "BuildRequest CacheOption ContextTimes Output Secret",
    "router.model.result": "BuildResult",
    "router.model.routing": "BackendName Fallback GrpcEngine Placement Spill Via",
    "router.model.source": "excerpt source_lines",
    "router.model.tls": "TLSOptions",
    "router.notation.boolean": "parse_bool",
    "router.notation.duration": "parse_duration",
    "router.notation.flag": "Flag",
    "router.notation.keyvalue": "parse_build_args parse_labels",
    "router.notation.quantity": "Quantity parse_quantity",
    "router.notation.size": "parse_size SHM_SIZE",
    "router.notation.tag": "format_reference parse_reference parse_tags Reference",
    "router.once": "OneTimeFiles same_source",
    "router.operations.attachments": "read_attachment",
    "router.operations.build_log": "follow_build",
    "router.operations.build_trace": "read_trace",
    "router.operations.cancel": "cancel_builds",
    "router.operations.debug_daemon": "ask_info ask_workers DaemonVersion Device GCRule Worker",
    "router.operations.debug_llb": "llb_as_dot llb_as_json llb_operations",
    "router.operations.create_image": "combine_image ImageOrder publish_image",
    "router.operations.dial_stdio": "dial_stdio",
    "router.operations.doctor.examine": "examine",
    "router.operations.doctor.finding": "Finding",
    "router.operations.drain": "drain",
    "router.operations.each": "Answer",
    "router.operations.export_builds": "export_builds",
    "router.operations.find_build": "find_build",
    "router.operations.in_flight": "ask_in_flight InFlight",
    "router.operations.inspect": "DaemonReport inspect",
    "router.operations.inspect_build": "BuildDetails inspect_build",
    "router.operations.provenance": "build_provenance",
    "router.operations.prune": "plan_prune prune",
    "router.operations.prune_plan": "Pruning",
    "router.operations.records": "BuildOutcome ask_records by_time DaemonRecord RecordQuery",
    "router.operations.stats": "BuildStats StatsBy build_stats",
    "router.operations.run_with_daemon": "run_with_daemon",
    "router.operations.spans": "as_otlp RecordedSpan",
    "router.operations.update_history": "change_history HistoryChange",
    "router.operations.usage": "ask_usage cache_mounts CacheMount CacheRecord Usage usage_of",
    "router.placement.key": "Key",
    "router.program": "find_program",
    "router.providers.stdin_context": "open_stdin_context",
    "router.provision.certificate_folder": "Certificates make_certificates",
    "router.provision.cluster": "FleetCluster find_cluster fleet_namespace fleet_settings open_cluster",
    "router.provision.down": "take_down",
    "router.provision.found": "FleetState PoolState fleet_states",
    "router.provision.manifest_text": "manifests_as_yaml",
    "router.provision.manifests": "manifests",
    "router.provision.outcome": "FleetMade FleetRemoved FleetScaled ObjectChange PoolChange",
    "router.provision.pod_rows": "PodRow",
    "router.provision.rollout": "FleetWait",
    "router.provision.scale": "scale_fleet",
    "router.provision.spec": "AccessSpec FleetSpec PodSpec StateSpec",
    "router.provision.step": "FleetStep",
    "router.provision.up": "FleetWanted bring_up",
    "router.redaction": "shown_options without_passwords",
    "router.registry.client": "RegistryClient tagged",
    "router.registry.combining": "Combined",
    "router.registry.descriptor": "Descriptor descriptor_json",
    "router.registry.document": "Document",
    "router.registry.go_json": "go_json",
    "router.registry.sources": "parse_sources",
    "router.registry.viewing": "manifest_view",
    "router.serving.buildx_builder": "register_builder",
    "router.serving.endpoint": "Endpoint",
    "router.serving.fleet_endpoint": "EndpointTerms fleet_endpoint",
    "router.serving.inherited": "admits_several_users inherited_sockets",
    "router.serving.listener": "Admission Listener",
    "router.serving.listening": "listen_on",
    "router.serving.loops": "refuse_itself",
    "router.serving.service_manager": "notify_service_manager",
    "router.serving.watching.opening": "open_health open_status",
    "router.simulation.given": "invented_keys parse_daemon_names parse_scale read_daemon_names read_keys"
    " scaled unhindered",
    "router.simulation.model": "Churn SimulatedKey Simulation Traffic",
    "router.simulation.outcome": "Outcome",
    "router.simulation.placing": "Balance Move",
    "router.simulation.recorded": "Recorded recorded_keys",
    "router.simulation.study": "Findings Run simulate",
    "router.solve.mark": "started_by",
    "router.solve.record_name": "build_name",
    "router.telemetry": "open_telemetry Telemetry",
    "router.tracing": "NO_SPAN Span",
    "router.transport.options": "DialOptions",
    "router.untrusted_json": "read_json",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

if not TYPE_CHECKING:  # who checks types takes the names above, and knows no other
    __all__ = list(_HOME)

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _HOME[name]
        __import__(module)  # -X importtime sees what it loads, and not what importlib does
        value = getattr(sys.modules[module], name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(_HOME)
