"""Which daemons there are, and in which order a key goes to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from router.address import parse_daemons
from router.cancellation import Cancellation
from router.config import RouterConfig
from router.fleet import Fleet, FleetOptions, discover
from router.kubernetes.clients import KubeClients
from router.model.address import KubePodAddress, NamedAddress
from router.model.daemon import Candidate, Daemon
from router.model.events import Event
from router.model.frozen import frozen
from router.model.routing import Placement
from router.notation.flag import Flag
from router.notices import tell
from router.placement.key import Key
from router.placement.order import order, require_fit

__all__ = ["Route", "Routing"]


_HOST = Flag(name="BUILDKIT_HOST", example="tcp://buildkitd-0.example.com:1234")


@frozen
class Route:
    """Where a key goes: the whole fleet in order, home first, each with the reason why it is left out."""

    key: Key
    placement: Placement
    candidates: tuple[Candidate, ...]

    @property
    def home(self) -> Daemon | None:
        """The daemon that the key belongs to, fit or not; None for an empty fleet."""
        return self.candidates[0].daemon if self.candidates else None


class Routing:
    """Finds the fleet that a config names, and ranks it for keys."""

    def __init__(
        self,
        config: RouterConfig,
        environment: Mapping[str, str],
        kube: KubeClients,
        fleet: Fleet | None = None,
    ) -> None:
        self._config = config
        self._environment = environment
        self._kube = kube
        self._fleet = fleet

    @property
    def fleet(self) -> Fleet:
        """The daemons that the config names, found when first asked for."""
        if self._fleet is None and self._builds_on_docker:
            from router.fleet.docker import DockerFleet

            self._fleet = DockerFleet(self._environment)
        elif self._fleet is None:
            config = self._config
            self._fleet = discover(
                FleetOptions(
                    addresses=config.addresses,
                    selector=config.selector or None,
                    host=self._host,
                    namespace=config.namespace,
                    kube_context=config.kube_context,
                    kubeconfig=config.kubeconfig,
                    kube=self._kube,
                    pod_ip=None if config.via == "auto" else config.via == "pod-ip",
                    identity=config.identity,
                    environment=self._environment,
                    timeout=config.connect_timeout,
                )
            )
        return self._fleet

    @property
    def _builds_on_docker(self) -> bool:
        """Whether the docker command chooses the daemon: BUILDKIT_HOST means nothing to it."""
        config = self._config
        return config.backend == "docker" and not config.addresses and not config.selector

    @property
    def has_pods(self) -> bool:
        """Whether pods can be among the daemons, to which a kubeconfig leads."""
        addresses = self._config.addresses or ((self._host,) if self._host else ())
        return bool(self._config.selector) or any(
            isinstance(address, KubePodAddress) for _, address in addresses
        )

    @cached_property
    def _host(self) -> NamedAddress | None:
        """What BUILDKIT_HOST holds, where that counts; it is named as it is written. Raises UsageError."""
        text = self._environment.get("BUILDKIT_HOST")
        if not text or self._config.addresses or self._config.selector or self._builds_on_docker:
            return None
        return text, parse_daemons(text, _HOST)

    def routes(self, keys: Sequence[Key], platforms: Sequence[str]) -> tuple[Route, ...]:
        """Return the order for each key, from one listing. Raises ``UnreachableError``, ``UsageError``."""
        daemons = self.fleet.daemons()
        return tuple(self._ranked(key, daemons, platforms) for key in keys)

    def fit(self, route: Route) -> tuple[Candidate, ...]:
        """Return those that can take a build. Raises ``NoDaemonError`` where there is none."""
        return require_fit(route.candidates, self.fleet.describe(), self.fleet.hint)

    def candidates(
        self,
        key: Key,
        platforms: Sequence[str],
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> Sequence[Candidate]:
        """List the fleet as it is now, and rank it; see ``Ranking``. Tells who is left out."""
        if self._config.wait:
            route = self._awaited(key, platforms, on_event, cancellation)
        else:
            (route,) = self.routes([key], platforms)
        for candidate in route.candidates:
            if not candidate.fit:
                tell(on_event, "verbose", f"skipping {candidate.daemon.name}: {candidate.reason}")
        self.fit(route)
        return route.candidates

    def _ranked(self, key: Key, daemons: Sequence[Daemon], platforms: Sequence[str]) -> Route:
        placement = self._config.placement
        return Route(key=key, placement=placement, candidates=order(key.key, daemons, placement, platforms))

    def _awaited(
        self,
        key: Key,
        platforms: Sequence[str],
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> Route:
        """Return the order once somebody in it is fit, waiting for that as long as the config allows."""
        from router.fleet.waiting import Patience, wait_for_fit

        candidates = wait_for_fit(
            self.fleet,
            lambda daemons: self._ranked(key, daemons, platforms).candidates,
            Patience(
                seconds=self._config.wait,
                tell=lambda text: tell(on_event, "info", text),
                cancellation=cancellation,
            ),
        )
        return Route(key=key, placement=self._config.placement, candidates=candidates)
