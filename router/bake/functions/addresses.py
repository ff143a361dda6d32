"""Functions of IP networks."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from router.bake.functions.signature import NUMBERS, TEXT, Builtin, Parameter, of, whole
from router.bake.places import DefinitionFault
from router.bake.values import STRING, ListValue, Number, Value

__all__ = ["FUNCTIONS"]

_Network: TypeAlias = IPv4Network | IPv6Network
_MOST_BITS = 32


def _network(text: str) -> _Network:
    address, _, bits = text.partition("/")
    try:
        # Without a length it is an address, which int() refuses.
        return ip_network((ip_address(address), int(bits if bits.isdigit() else "")), strict=False)
    except ValueError:
        raise DefinitionFault(f'"{text[:60]}" is not a network such as 10.0.0.0/8') from None


def _host(prefix: str, number: Number) -> str:
    network = _network(prefix)
    wanted = whole(number, "the host's number")
    size = network.num_addresses
    if not -size <= wanted < size:
        raise DefinitionFault(f"the network {network} has no host {wanted}")
    return str(network[wanted])


def _netmask(prefix: str) -> str:
    return str(_network(prefix).netmask)


def _subnet(prefix: str, bits: Number, number: Number) -> str:
    network = _network(prefix)
    new, wanted = whole(bits, "the number of bits"), whole(number, "the subnet's number")
    length = network.prefixlen + new
    if new > _MOST_BITS:
        raise DefinitionFault(f"a prefix can't be extended by more than {_MOST_BITS} bits")
    if new < 0 or length > network.max_prefixlen:
        raise DefinitionFault(f"the prefix of {network} can't be extended by {new} bits")
    if not 0 <= wanted < 1 << new:
        raise DefinitionFault(f"a prefix extended by {new} bits has no subnet {wanted}")
    return str(
        _made(network, int(network.network_address) + (wanted << (network.max_prefixlen - length)), length)
    )


def _made(like: _Network, address: int, length: int) -> _Network:
    kind = IPv4Network if isinstance(like, IPv4Network) else IPv6Network
    return kind((address, length))


def _subnets(prefix: str, *bits: Number) -> Value:
    network = _network(prefix)
    end = int(network.network_address) + network.num_addresses
    position = int(network.network_address)
    made: list[Value] = []
    for each in bits:
        new = whole(each, "the number of bits")
        if not 1 <= new <= _MOST_BITS:
            raise DefinitionFault(f"a prefix must be extended by 1 to {_MOST_BITS} bits, not {new}")
        length = network.prefixlen + new
        if length > network.max_prefixlen:
            raise DefinitionFault(f"the prefix of {network} can't be extended by {new} bits")
        size = 1 << (network.max_prefixlen - length)
        position = -(-position // size) * size
        if position + size > end:
            raise DefinitionFault(
                f"there is no room in {network} for a subnet with a prefix of {length} bits"
            )
        made.append(str(_made(network, position, length)))
        position += size
    return ListValue(STRING, tuple(made))


FUNCTIONS: dict[str, Builtin] = {
    "cidrhost": of(_host, ("prefix", TEXT), ("hostnum", NUMBERS)),
    "cidrnetmask": of(_netmask, ("prefix", TEXT)),
    "cidrsubnet": of(_subnet, ("prefix", TEXT), ("newbits", NUMBERS), ("netnum", NUMBERS)),
    "cidrsubnets": of(_subnets, ("prefix", TEXT), rest=Parameter("newbits", NUMBERS)),
}
