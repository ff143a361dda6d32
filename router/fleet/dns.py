"""The daemons behind a name in DNS: every address of a headless Service is one.

The addresses come from the system's resolver, so that hosts files and search lists count as for any other
program. What the daemons are called, which placement hashes, is asked of DNS: SRV records first
(a Service's named port), else reverse names, else an address is its own name.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dns.exception
import dns.resolver
from dns.reversename import from_address

from router.errors import FleetError, UsageError, os_reason
from router.model.address import DnsName, TcpAddress
from router.model.daemon import NOT_ASKED, Daemon
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.net.tcp import look_up

if TYPE_CHECKING:
    from dns.resolver import Answer, Resolver

__all__ = ["DnsFleet", "Named", "label_of", "labels_of", "one_address_each"]

# What a Service's port is called, if anything: after the daemon's kind, or after its program.
_SERVICES = ("_buildkit._tcp", "_buildkitd._tcp")
_DNS_PORT = 53
# A reverse name is a convenience; none is worth a build's waiting.
_REVERSE_PATIENCE = 2.0


@frozen
class Named:
    """An address that was found; ``target`` is the full name of its host, empty where none is known."""

    ip: str
    port: int
    target: str = ""


class DnsFleet:
    """The daemons that ``name`` resolves to; ``prefix`` is put before their names where it was given one.

    ``timeout`` is seconds for one look at DNS. All that DNS names count as ready: it lists only what is.
    """

    hint: str | None

    def __init__(self, name: DnsName, *, prefix: str = "", timeout: float = 10.0) -> None:
        self._name = name
        self._prefix = f"{prefix}/" if prefix else ""
        self._timeout = timeout
        self.hint = f"getent ahosts {name.name}" if name.server is None else None

    def daemons(self) -> Sequence[Daemon]:
        """Resolve the name. Raises FleetError, UsageError for a ``server`` that is none."""
        found = _Lookup(self._name, Deadline(self._timeout)).find()
        return tuple(
            Daemon(
                name=self._prefix + label,
                address=TcpAddress(host=each.ip, port=each.port, server_name=each.target or self._name.name),
                state=NOT_ASKED,
            )
            for each, label in zip(found, labels_of(found, self._name.name), strict=True)
        )

    def describe(self) -> str:
        """Name the fleet within a sentence."""
        return f"daemons behind the name {self._name.name}"


def label_of(target: str, name: str) -> str:
    """Return what a host is called within a name: ``b-0`` for ``b-0.b.ci.svc.cluster.local`` in ``b.ci``.

    A pod of a StatefulSet so has the name that it has for Kubernetes, however the fleet was found. Pure.
    """
    target = target.rstrip(".").lower()
    head, separator, tail = target.partition(f".{name.lower()}")
    return head if separator and (not tail or tail.startswith(".")) else target


def one_address_each(found: Sequence[Named]) -> tuple[Named, ...]:
    """Return each host once, with its first IPv4 address where it has one, in the order of names. Pure.

    A host may have several addresses, and is one daemon all the same. Hosts without a name can't be told
    from each other's second addresses: of these, one family counts.
    """
    hosts: dict[tuple[str, int], Named] = {}
    four_first = sorted(found, key=lambda each: (":" in each.ip, each.ip))
    nameless = [each for each in four_first if not each.target]
    for each in four_first:
        if each.target:
            hosts.setdefault((each.target, each.port), each)
        elif (":" in each.ip) == (":" in nameless[0].ip):
            hosts[each.ip, each.port] = each
    return tuple(sorted(hosts.values(), key=lambda each: (each.target, each.ip)))


def labels_of(found: Sequence[Named], name: str) -> tuple[str, ...]:
    """Return what each is called, in the order given: a name that two share is no name. Pure."""
    labels = [label_of(each.target, name) if each.target else each.ip for each in found]
    for fallback in ([each.ip for each in found], [f"{each.ip}:{each.port}" for each in found]):
        labels = [
            label if labels.count(label) == 1 else other
            for label, other in zip(labels, fallback, strict=True)
        ]
    return tuple(labels)


class _Lookup:
    """One look at DNS."""

    def __init__(self, name: DnsName, deadline: Deadline) -> None:
        self._name = name
        self._deadline = deadline
        self._resolver = _resolver(name.server)

    def find(self) -> tuple[Named, ...]:
        if found := self._by_srv():
            return one_address_each(found)
        addresses = self._addresses(self._name.name)
        single = one_address_each([Named(ip=ip, port=self._name.port) for ip in addresses])
        return tuple(self._reversed(each) for each in single)

    def _by_srv(self) -> list[Named]:
        name = self._name.name
        for asked in (f"{service}.{name}" for service in _SERVICES):
            records = self._ask(asked, "SRV", self._deadline.seconds / 4)
            if records is None:
                continue
            return [
                Named(ip=ip, port=record.port, target=record.target.to_text(omit_final_dot=True))
                for record in records
                for ip in self._addresses(record.target.to_text())
            ]
        return []

    def _reversed(self, each: Named) -> Named:
        records = self._ask(from_address(each.ip).to_text(), "PTR", _REVERSE_PATIENCE)
        if records is None:
            return each
        target = records[0].target.to_text(omit_final_dot=True)
        if target.lower() == self._name.name.lower():
            return each  # it tells no host from another
        return Named(ip=each.ip, port=each.port, target=target)

    def _addresses(self, name: str) -> Sequence[str]:
        if self._name.server is None:
            return self._by_system(name)
        return [
            record.address
            for kind in ("A", "AAAA")
            for record in self._ask(name, kind, self._deadline.seconds) or ()
        ] or self._unknown(name)

    def _by_system(self, name: str) -> Sequence[str]:
        try:
            targets = look_up(name, 0, self._deadline)
        except TimeoutError as exc:
            raise self._failed(name, "no resolver answers", "timeout") from exc
        except socket.gaierror as exc:
            if exc.errno == socket.EAI_NONAME:
                return self._unknown(name)
            raise self._failed(name, os_reason(exc), "name") from exc
        return list(dict.fromkeys(str(where[0]) for _, where in targets))

    def _ask(self, name: str, kind: str, patience: float) -> Answer | None:
        """Return the records of a kind, None where there are none, or nobody to ask."""
        try:
            lifetime = min(patience, self._deadline.remaining())
            return self._resolver.resolve(name, kind, search=True, lifetime=lifetime)
        except dns.resolver.LifetimeTimeout as exc:
            if self._name.server is not None:
                raise self._failed(name, f"{self._name.server} does not answer", "timeout") from exc
            return None
        except (dns.exception.DNSException, OSError):
            return None

    def _unknown(self, name: str) -> Sequence[str]:
        # A headless Service without any pod that is ready has no name either: it may have one soon.
        raise self._failed(name, "the name is not known", "name")

    def _failed(self, name: str, why: str, reason: str) -> FleetError:
        return FleetError(
            f"can't resolve {name.rstrip('.')}: {why}",
            hint="is the name right, and has its Service a ready pod and `clusterIP: None`?",
            reason=reason,
            temporary=True,
        )


def _resolver(server: str | None) -> Resolver:
    """Return the resolver to ask for names; the one of this machine where none is given."""
    if server is None:
        try:
            return dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return dns.resolver.Resolver(configure=False)  # which has nobody to ask
    has_port = server.count(":") == 1 or "]:" in server
    host, _, port = server.rpartition(":") if has_port else (server, "", str(_DNS_PORT))
    resolver = dns.resolver.Resolver(configure=False)
    try:
        resolver.nameservers = [host.strip("[]")]
        resolver.port = int(port)
    except ValueError as exc:
        raise UsageError(
            f"server={server} in an address is not a DNS server",
            hint="give an IP, with or without a port: 10.96.0.10:53",
        ) from exc
    return resolver
