"""The names of the choices that routing offers."""

from __future__ import annotations

from typing import Literal

__all__ = ["BackendName", "Fallback", "GrpcEngine", "Placement", "Spill", "Via"]

Placement = Literal["ring", "rendezvous", "buildx"]
BackendName = Literal["native", "buildctl", "docker"]
Fallback = Literal["none", "docker", "daemonless"]
Via = Literal["auto", "pod-ip", "port-forward", "exec"]
GrpcEngine = Literal["builtin", "grpcio"]
Spill = Literal["warm", "next"]
