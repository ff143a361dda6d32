"""``bake --call``: what the frontends answered for each target, on stdout, as buildx prints it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import router as library
from cli.building.answer import dockerfile_name
from cli.render.call import Answer, render_answer
from cli.render.foreign import printable
from router import BakePlan, BuildRequest, Call, TargetOutcome, parse_call, read_json

__all__ = ["print_answers"]


def print_answers(
    plan: BakePlan, requests: Mapping[str, BuildRequest], question: str, outcomes: Sequence[TargetOutcome]
) -> None:
    """Print the answers by the targets' names; exit with the code that they ask for.

    ``question`` is --call as given, whose format is that of all targets.
    """
    asked = parse_call(question)
    answers: dict[str, tuple[Call, Answer]] = {}
    for outcome in sorted(outcomes, key=lambda each: each.name):
        request = requests[outcome.name]
        if request.call != "build" and outcome.result is not None:
            call = Call(method=request.call, format=asked.format, ignore_status=asked.ignore_status)
            answer = render_answer(call, outcome.result.metadata, dockerfile_name(request))
            answers[outcome.name] = call, answer
    if not answers:
        return
    text = _json(plan, answers) if asked.format == "json" else "\n".join(_texts(plan, answers))
    sys.stdout.write(text)
    sys.stdout.flush()
    if any(answer.error is not None for _, answer in answers.values()):
        sys.exit(1)
    if status := next((answer.status for _, answer in answers.values() if answer.status), 0):
        sys.exit(status)


def _texts(plan: BakePlan, answers: dict[str, tuple[Call, Answer]]) -> Sequence[str]:
    texts: list[str] = []
    for name, (_, answer) in answers.items():
        described = plan.targets[name].description
        head = f"{name}\n{printable(described)}\n" if described else f"{name}\n"
        error = f"error: {printable(str(answer.error))}\n" if answer.error is not None else ""
        texts.append(f"{head}\n{answer.text}{error}")
    return texts


def _json(plan: BakePlan, answers: dict[str, tuple[Call, Answer]]) -> str:
    printed = library.bake_plan_values(plan)
    targets: dict[str, dict[str, object]] = {}
    for name, build in printed["target"].items():
        targets[name] = {"build": build}
        if name in answers:
            call, answer = answers[name]
            error = {} if answer.error is None else {"error": str(answer.error)}
            found = read_json(answer.text)
            targets[name][call.method] = {**error, **found} if isinstance(found, dict) else found
    groups = {"group": printed["group"]} if "group" in printed else {}
    return f"{json.dumps({**groups, 'target': targets}, indent=2)}\n"
