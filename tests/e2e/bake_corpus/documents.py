"""Definitions in JSON, of several files, and changed by flags."""

from __future__ import annotations

from tests.e2e.bake_corpus import Case, case

__all__ = ["DOCUMENTS"]

_BASE = """
group "default" { targets = ["app", "lib"] }
target "common" {
  args = { A = "1", B = "2" }
  output = ["type=image"]
}
target "app" {
  inherits = ["common"]
  tags = ["app:1"]
  cache-from = ["type=registry,ref=cache"]
  secret = ["id=one,env=ONE"]
  platforms = ["linux/amd64"]
}
target "lib" {
  inherits = ["common"]
  output = ["type=docker"]
  annotations = ["a=b"]
}
"""


def _set(name: str, *overrides: str, **environment: str) -> Case:
    return case(name, _BASE, *(f"--set={each}" for each in overrides), **environment)


DOCUMENTS: tuple[Case, ...] = (
    Case(
        name="JSON",
        files={
            "docker-bake.json": """{
  "//": "a comment",
  "variable": {"TAG": {"default": "latest", "description": "a tag"}, "N": {"type": "number", "default": 2}},
  "function": {"twice": {"params": ["x"], "result": "${x * 2}"}},
  "group": {"default": {"targets": ["app", "lib"]}},
  "target": {
    "app": {
      "tags": ["app:${TAG}", "%{ if TAG == \\"latest\\" }x%{ endif }"],
      "args": {"A": "${N + 1}", "B": true, "C": null, "D": 1.5, "E": "$${kept}", "${TAG}-key": "v", "F": "${twice(N)}"},
      "labels": {"quote": "say \\"hi\\" \\u00e9 \\ud83d\\ude00"},
      "output": [{"type": "image", "push": "true"}]
    },
    "lib": [{"context": "lib"}, {"args": {"X": "y"}}]
  }
}"""
        },
    ),
    Case(
        name="JSON with a matrix",
        files={
            "docker-bake.json": '{"target": {"app": {"name": "app-${v}", "matrix": {"v": ["a", "b"]}, "args": {"V": "${v}"}}}}'
        },
        words=("app-a",),
    ),
    Case(
        name="usual files in their order",
        files={
            "compose.yaml": "services:\n  app:\n    build:\n      context: one\n      args: {A: compose, B: compose}\n",
            "docker-bake.json": '{"target": {"app": {"args": {"B": "json", "C": "json"}}}}',
            "docker-bake.hcl": 'target "app" {\n  args = { C = "hcl", D = "hcl" }\n}\n',
            "docker-bake.override.json": '{"target": {"app": {"args": {"D": "override json", "E": "x"}}}}',
            "docker-bake.override.hcl": 'target "app" {\n  args = { E = "override hcl" }\n}\n',
        },
    ),
    Case(
        name="files that are named",
        files={
            "one.hcl": 'variable "X" { default = "one" }\ntarget "default" { args = { X = X, Y = "one" } }\n',
            "two.hcl": 'variable "X" { default = "two" }\ntarget "default" { args = { Y = "two" } }\n',
        },
        words=("-f", "one.hcl", "-f", "two.hcl"),
    ),
    Case(
        name="a file with no ending",
        files={"definition": 'target "default" { tags = ["x"] }\n'},
        words=("--file=definition",),
    ),
    Case(
        name="a compose file with no ending",
        files={"definition": "services:\n  web:\n    build: .\n"},
        words=("--file=definition",),
    ),
    Case(
        name="files from a variable",
        files={
            "one.hcl": 'target "default" { tags = ["x"] }\n',
            "two.hcl": 'target "default" { target = "t" }\n',
        },
        environment={"BUILDX_BAKE_FILE": "one.hcl::two.hcl"},
    ),
    Case(
        name="a group of HCL in place of one of compose",
        files={
            "compose.yaml": "services:\n  a:\n    build: a\n  b:\n    build: b\n",
            "docker-bake.hcl": 'group "default" { targets = ["b"] }\n',
        },
    ),
    _set(
        "set texts and flags",
        "app.context=ctx",
        "*.dockerfile=D",
        "lib.target=t",
        "*.pull=true",
        "app.no-cache=1",
    ),
    _set(
        "set members",
        "*.args.A=9",
        "app.args.NEW=x=y",
        "app.labels.l=v",
        "app.contexts.c=docker-image://x",
        "lib.extra-hosts.h=1.2.3.4",
    ),
    _set("set arguments of the environment", "app.args.FROM_ENV", "app.args.NOT_SET", FROM_ENV="given"),
    _set(
        "set lists",
        "app.tags=x",
        "app.tags=y",
        "lib.platform=linux/arm64",
        "lib.platform=linux/amd64",
        "app.annotations=c=d",
    ),
    _set(
        "add to lists",
        "app.tags+=x",
        "app.platform+=linux/arm64",
        "app.cache-from+=type=gha",
        "app.secrets+=id=two,env=TWO",
        "lib.output+=type=image",
    ),
    _set(
        "set entries",
        "app.output=type=local,dest=out",
        "app.cache-to=type=inline",
        "lib.attest=type=sbom",
        "app.secrets=id=x,env=X",
        "app.cache-from=",
    ),
    _set("set by patterns", "*.args.A=all", "l*.args.B=lib"),
    _set("set on what is inherited", "common.args.A=changed"),
    _set(
        "set what else there is",
        "app.shm-size=64m",
        "app.ulimits=nofile=1",
        "app.entitlements=network.host",
        "app.network=none",
        "app.call=check",
        "app.resources.memory=1g",
        "app.resources.cpu-quota=5",
        "app.no-cache-filter=x",
        "app.policy=filename=x.rego",
    ),
    case("push", _BASE, "--push"),
    case("load", _BASE, "--load"),
    case("push and load", _BASE, "--push", "--load", "--no-cache", "--pull"),
    case(
        "push where there is an output",
        'target "default" { output = ["type=registry", "type=local,dest=x"] }\n',
        "--push",
    ),
    case(
        "push off",
        'target "default" { output = ["type=registry", "type=image,push=true"] }\n',
        "--set=*.push=false",
    ),
    case(
        "load where there is a docker archive",
        'target "default" { output = ["type=docker,dest=x.tar"] }\n',
        "--load",
    ),
    case("check", _BASE, "--check"),
    case("call", _BASE, "--call=outline"),
    case("call build", _BASE, "--call=build"),
    case("attestations by flags", _BASE, "--sbom=true", "--provenance=mode=max"),
    case(
        "attestations off by flags",
        'target "default" { attest = ["type=provenance,mode=max"] }\n',
        "--provenance=false",
    ),
)
