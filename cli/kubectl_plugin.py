"""`kubectl warmroute`: the entry point as a plugin of kubectl's.

kubectl runs the file of that name and passes on what stands behind it. To its users --context is the context
of the kubeconfig, in every command, so it is that here: our own --kube-context.
"""

from __future__ import annotations

from typing import NoReturn

from cli.beginning import Beginning

with Beginning():  # what follows takes a while to load
    from cli.main import PROGRAM
    from cli.program import run_process

__all__ = ["KUBECTL_WARMROUTE", "run"]

KUBECTL_WARMROUTE = PROGRAM._replace(name="kubectl warmroute", aliases={"--context": "--kube-context"})


def run() -> NoReturn:
    """Run `kubectl warmroute`, and end the process."""
    run_process(KUBECTL_WARMROUTE)
