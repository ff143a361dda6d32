"""`warmroute build`."""

from __future__ import annotations

from cli import build_options as b
from cli import options as o
from cli.commands.requests import (
    ExtraOptions,
    ImageOptions,
    asked_by_skaffold,
    build_request,
    skaffold_routing,
)
from cli.commands.routing import Limits, RoutingOptions, TLSFlags, router_config

__all__ = ["command"]


def command(
    context: o.ContextArgument = None,
    tag: o.Tags = None,
    file: o.File = None,
    build_arg: o.BuildArgs = None,
    secret: o.Secrets = None,
    label: o.Labels = None,
    target: o.Target = "",
    platform: o.Platforms = None,
    no_cache: o.NoCache = False,
    pull: o.Pull = False,
    build_context: b.BuildContexts = None,
    context_times: b.ContextTimes = "file",
    annotation: b.Annotations = None,
    ssh: b.SSH = None,
    registry_auth_tlscontext: b.RegistryTLS = None,
    network: b.Network = "default",
    add_host: b.AddHosts = None,
    allow: b.Allow = None,
    shm_size: b.ShmSize = "",
    ulimit: b.Ulimits = None,
    resource: b.Resources = None,
    cgroup_parent: b.CgroupParent = "",
    proxy_network: b.ProxyNetwork = False,
    no_cache_filter: b.NoCacheFilter = None,
    cache_from: b.CacheFrom = None,
    cache_to: b.CacheTo = None,
    attest: b.Attests = None,
    sbom: b.SBOM = "",
    provenance: b.Provenance = "",
    source_policy_file: b.SourcePolicyFile = None,
    frontend: b.Frontend = None,
    opt: b.FrontendOptions = None,
    local: b.LocalDirs = None,
    oci_layout: b.OCILayouts = None,
    llb: b.LLB = None,
    call: b.Call = "build",
    check: b.Check = False,
    push: o.Push = None,
    load: o.Load = None,
    output: o.Outputs = None,
    metadata_file: o.MetadataFile = None,
    iidfile: o.IidFile = None,
    ref_file: b.RefFile = None,
    trace: b.Trace = None,
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    key: o.KeyOption = None,
    placement: o.PlacementChoice = "ring",
    backend: o.BackendChoice = "native",
    fallback: o.FallbackChoice = "none",
    via: o.ViaChoice = "auto",
    pod_port: o.PodPort = None,
    container: o.Container = None,
    connect_timeout: o.ConnectTimeout = 10.0,
    identity: o.IdentityOption = "name",
    wait: o.Wait = None,
    max_builds: o.MaxBuilds = 8,
    queue: o.Queue = None,
    retries: o.Retries = 2,
    timeout: o.Timeout = None,
    dry_run: o.DryRun = False,
    tls_ca: o.TLSCa = None,
    tls_cert: o.TLSCert = None,
    tls_key: o.TLSKey = None,
    tls_server_name: o.TLSServerName = None,
    tls_dir: o.TLSDir = None,
    progress: o.Progress = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Build an image on the daemon that is warm for it."""
    asked = asked_by_skaffold()
    config = router_config(
        skaffold_routing(
            RoutingOptions(
                addresses=addr,
                selector=selector,
                namespace=namespace,
                kube_context=kube_context,
                kubeconfig=kubeconfig,
                placement=placement,
                backend=backend,
                fallback=fallback,
                key=key,
                via=via,
                pod_port=pod_port,
                container=container,
                connect_timeout=connect_timeout,
                identity=identity,
                wait=wait,
                limits=Limits(max_builds=max_builds, queue=queue, retries=retries, timeout=timeout),
                tls=TLSFlags(
                    ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
                ),
            ),
            asked,
        )
    )
    prepared = build_request(
        ImageOptions(
            context=context,
            file=file,
            tags=tag,
            build_args=build_arg,
            secrets=secret,
            labels=label,
            target=target,
            platforms=platform,
            no_cache=no_cache,
            pull=pull,
            context_times=context_times,
            push=push,
            load=load,
            outputs=output,
            extra=ExtraOptions(
                build_contexts=build_context,
                annotations=annotation,
                ssh=ssh,
                registry_tls=registry_auth_tlscontext,
                network=network,
                add_hosts=add_host,
                allow=allow,
                shm_size=shm_size,
                ulimits=ulimit,
                resources=resource,
                cgroup_parent=cgroup_parent,
                proxy_network=proxy_network,
                no_cache_filter=no_cache_filter,
                cache_from=cache_from,
                cache_to=cache_to,
                attests=attest,
                sbom=sbom,
                provenance=provenance,
                source_policy_file=source_policy_file,
                frontend=frontend,
                frontend_options=opt,
                local_dirs=local,
                oci_layouts=oci_layout,
                llb=llb,
                call="check" if check else call,
            ),
        ),
        asked,
    )
    from cli.commands.running import Reporting, build_and_report, print_plan

    if dry_run:
        print_plan(config, prepared)
        return
    build_and_report(
        config,
        prepared,
        Reporting(
            progress="quiet" if quiet else progress,
            verbosity=verbose,
            metadata_file=metadata_file,
            iidfile=iidfile,
            ref_file=ref_file,
            trace=trace,
            call="check" if check else call,
        ),
    )
