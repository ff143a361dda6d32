"""What the help of a command shows first: command lines that are typical of it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXAMPLES"]

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "warmroute build": (
        "warmroute build --selector app=buildkitd -t example.com/team/app --push .",
        "warmroute build --addr tcp://one:1234,tcp://two:1234 -t app --load .",
        "warmroute build --secret id=npm,env=NPM_TOKEN --output out .",
    ),
    "warmroute bake": (
        "warmroute bake --push",
        "warmroute bake -f compose.yaml --set '*.platform=linux/arm64' --print app",
        "warmroute bake --list targets",
    ),
    "warmroute where": ("warmroute where --selector app=buildkitd -t example.com/team/app",),
    "warmroute config show": ("warmroute config show --fleet ci",),
    "warmroute doctor": ("warmroute doctor --fleet ci",),
    "warmroute ls": ("warmroute ls --selector app=buildkitd --namespace ci",),
    "warmroute du": (
        "warmroute du --selector app=buildkitd",
        "warmroute du --addr tcp://one:1234,tcp://two:1234 -v --filter type=exec.cachemount",
    ),
    "warmroute prune": (
        "warmroute prune --selector app=buildkitd --filter until=72h --dry-run",
        "warmroute prune --selector app=buildkitd --max-used-space 40GB --force",
    ),
    "warmroute simulate": (
        "warmroute simulate --daemons 6 --keys 200 --scale 6:7",
        "warmroute simulate --selector app=buildkitd --history --report fleet.html",
        "warmroute simulate --selector app=buildkitd --keys keys.txt --from buildx --to ring",
    ),
    "warmroute ps": ("warmroute ps --selector app=buildkitd --watch",),
    "warmroute logs": ("warmroute logs 862e3991a899", "warmroute logs ^1 --progress rawjson"),
    "warmroute cancel": ("warmroute cancel 862e3991a899", "warmroute cancel --key example.com/team/app"),
    "warmroute history ls": ("warmroute history ls --since 24h --failed",),
    "warmroute history export": ("warmroute history export 862e3991a899 > app.dockerbuild",),
    "warmroute exec": (
        "warmroute exec --selector app=buildkitd -t example.com/team/app -- buildctl debug histories",
    ),
    "warmroute serve": (
        "warmroute serve --selector app=buildkitd --register warmroute",
        "warmroute serve --fleet ci --listen tcp://0.0.0.0:1234 --listen-tls tls",
        "warmroute serve --print-env",
    ),
    "warmroute fleet up": (
        "warmroute fleet up ci --namespace ci --storage 50Gi",
        "warmroute fleet up ci --namespace ci --rootless --replicas 5 --print",
    ),
    "warmroute fleet status": ("warmroute fleet status --namespace ci",),
    "warmroute fleet scale": ("warmroute fleet scale ci --namespace ci --replicas 5",),
    "warmroute fleet down": (
        "warmroute fleet down ci --namespace ci",
        "warmroute fleet down ci --namespace ci --volumes --force",
    ),
    "warmroute drain-check": ("warmroute drain-check --selector app=buildkitd --wait-idle 10m buildkitd-1",),
}
