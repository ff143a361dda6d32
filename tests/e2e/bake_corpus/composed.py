"""Definitions in compose files."""

from __future__ import annotations

from collections.abc import Mapping

from tests.e2e.bake_corpus import Case

__all__ = ["COMPOSED"]


def _compose(
    name: str, text: str, *words: str, more: Mapping[str, str] | None = None, **environment: str
) -> Case:
    return Case(name=name, files={"compose.yaml": text, **(more or {})}, words=words, environment=environment)


COMPOSED: tuple[Case, ...] = (
    _compose(
        "short builds",
        "services:\n  web:\n    build: ./web/\n  db:\n    image: postgres\n  api.v2:\n    build: api\n    image: example.com/api:2\n",
    ),
    _compose(
        "every key",
        """
services:
  app:
    image: example.com/app
    environment:
      FROM_SERVICE: service
    build:
      context: ./app
      dockerfile: deploy/Dockerfile
      args:
        A: 1
        B: true
        C: 1.50
        D: text
        FROM_ENV:
        FROM_SERVICE:
        NOWHERE:
      labels:
        - "one=1"
        - two
      tags: ["example.com/app:x", "example.com/app:y"]
      cache_from: ["example.com/cache", "type=local,src=c"]
      cache_to: ["type=inline"]
      additional_contexts:
        base: service:base
        img: docker-image://alpine
        dir: ../other
      network: host
      target: release
      shm_size: 128m
      extra_hosts: ["a=1.1.1.1", "a=2.2.2.2", "b:::1"]
      ulimits:
        nofile: {soft: 1024, hard: 2048}
      platforms: ["linux/amd64", "linux/arm64"]
      secrets:
        - token
        - source: npm
      no_cache: true
      pull: true
      sbom: true
      provenance: mode=max
  base:
    build: base
secrets:
  token:
    environment: TOKEN
  npm:
    environment: NPM
""",
        FROM_ENV="environment",
    ),
    _compose(
        "variables",
        """
services:
  app:
    build:
      context: ${DIR:-default}/x
      args:
        A: ${A}
        B: "${B-unset}"
        C: ${C:-empty or unset}
        D: ${D:+given}
        E: ${D+set}
        F: $$literal
        G: ${N:-${A:-deep}}
        H: pre$A-post
        I: ${C-kept}
""",
        A="a",
        C="",
        D="d",
    ),
    _compose(
        "variables of .env",
        "services:\n  app:\n    build:\n      context: .\n      args: {A: '$A', B: '${B}', C: '$C', D: '$D', E: '$E', G: '$G'}\n",
        more={
            ".env": '# comment\nA=one\nexport B="two $A \\"q\\""\nC=\'raw $A\'\nD=${A}-x # comment\nE: colon\nG=from file\n\n'
        },
        G="from environment",
    ),
    _compose(
        "x-bake",
        """
services:
  app:
    image: app
    build:
      context: .
      tags: [one]
      cache_from: [c1]
      x-bake:
        tags: [one, two]
        cache-from: ["type=gha", "c1"]
        cache-to: type=inline
        secret:
          - id=s,env=S
        platforms: linux/amd64 linux/arm64
        output: type=image,push=true
        pull: true
        no-cache: false
        no-cache-filter: stage
        contexts:
          extra: docker-image://busybox
          other: target:app2
  app2:
    build: two
""",
    ),
    _compose(
        "anchors and merge keys",
        """
x-common: &common
  args: &args
    A: common
    B: common
services:
  one:
    build:
      <<: *common
      context: one
  two:
    build:
      context: two
      args:
        <<: *args
        B: own
  three:
    build: &three
      context: three
  four:
    build: *three
""",
    ),
    _compose(
        "extends",
        """
services:
  base:
    build:
      context: base
      args: {A: base, B: base}
      tags: [t1]
  derived:
    extends: base
    image: derived
    build:
      args: {B: derived, C: derived}
      tags: [t2]
  more:
    extends: {service: derived}
    build: {context: more}
""",
    ),
    _compose(
        "extends of another file",
        "services:\n  app:\n    extends:\n      file: lib/base.yaml\n      service: base\n    build:\n      args: {B: own}\n",
        more={
            "lib/base.yaml": "services:\n  base:\n    build:\n      context: src\n      dockerfile: D\n      args: {A: base, B: base}\n"
        },
    ),
    _compose(
        "include",
        "include:\n  - sub/compose.yaml\nservices:\n  app:\n    build: .\n",
        more={
            "sub/compose.yaml": "services:\n  lib:\n    build:\n      context: ./lib\n      additional_contexts: {x: ../y}\n"
        },
    ),
    Case(
        name="several compose files",
        files={
            "a.yaml": 'services:\n  app:\n    build:\n      context: one\n      args: ["A=1", "B=1"]\n      tags: [x]\n      cache_from: [c1]\n  gone:\n    build: gone\n',
            "b.yml": "services:\n  app:\n    build:\n      args: {B: 2, C: 2}\n      tags: [y]\n      cache_from: [c2]\n  new:\n    build: new\n",
        },
        words=("-f", "a.yaml", "-f", "b.yml"),
    ),
    Case(
        name="reset and override",
        files={
            "a.yaml": "services:\n  app:\n    build:\n      context: one\n      args: {A: 1}\n      tags: [x]\n      target: t\n",
            "b.yaml": "services:\n  app:\n    build:\n      args: !override {B: 2}\n      tags: !reset []\n      target: !reset null\n",
        },
        words=("-f", "a.yaml", "-f", "b.yaml"),
    ),
    _compose("profiles", "services:\n  a:\n    profiles: [dev]\n    build: a\n  b:\n    build: b\n"),
    _compose("no builds", "services:\n  a:\n    image: nginx\n"),
    _compose(
        "an inline Dockerfile",
        "services:\n  a:\n    build:\n      context: .\n      dockerfile_inline: |\n        FROM alpine\n        RUN echo $$HOME\n",
    ),
    _compose(
        "an environment from files",
        'services:\n  a:\n    env_file: [one.env]\n    environment: ["X=own"]\n    build:\n      context: .\n      args: [X, Y, Z]\n',
        more={"one.env": "X=file\nY=file\n"},
    ),
    _compose(
        "the project's name",
        'name: my-Project\nservices:\n  a:\n    build:\n      context: .\n      args: {P: "${COMPOSE_PROJECT_NAME}"}\n',
    ),
    _compose(
        "scalars",
        "services:\n  a:\n    build:\n      context: .\n      args: {A: yes, B: 0x10, C: 1e3, D: 010, E: ~, F: 1_000, G: '1', H: off, I: .5, J: 12345678901, K: 2024-01-02, L: !!str 5, M: 1_000.5, N: 2024-01-02T03:04:05Z, O: 1e21, P: 12:30:45}\n",
    ),
    _compose("set on services", "services:\n  a.b:\n    build: .\n    image: x\n", "--set=a_b.tags=y", "a.b"),
)
