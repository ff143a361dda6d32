"""Definitions in HCL: blocks, expressions, templates, inheritance, matrices, variables, user functions."""

from __future__ import annotations

from tests.e2e.bake_corpus import Case, case

__all__ = ["NATIVE"]

NATIVE: tuple[Case, ...] = (
    case("one target", 'target "default" {\n  context = "app"\n  tags = ["example.com/app:1"]\n}\n'),
    case("an empty target", 'target "default" {}\n'),
    case(
        "every argument",
        """
target "default" {
  description = "all that there is"
  annotations = ["index:org.example.note=one", "manifest:org.example.note=two"]
  attest = ["type=provenance,mode=max", { type = "sbom", disabled = true }]
  context = "./services/../services/api/"
  contexts = { base = "docker-image://alpine:3.20", src = "../src", none = "" }
  dockerfile = "build/Dockerfile"
  args = { A = "1", B = 2, C = true, D = null, E = 1.5 }
  labels = { "org.example.kind" = "api", empty = "", gone = null }
  tags = ["example.com/api:1", "example.com/api:latest", "example.com/api:1"]
  cache-from = ["type=registry,ref=example.com/cache", "example.com/other,example.com/third"]
  cache-to = [{ type = "inline" }, "type=local,dest=cache"]
  target = "release"
  secret = ["id=token,env=TOKEN", { id = "npm", env = "NPM_TOKEN" }]
  platforms = ["linux/amd64", "linux/arm64", "linux/amd64"]
  output = ["type=image,push=false", { type = "local", dest = "out" }]
  pull = true
  no-cache = "true"
  network = "host"
  no-cache-filter = ["one", "two", "one"]
  shm-size = "128m"
  ulimits = ["nofile=1024:2048"]
  resources = { memory = "1g", cpu-shares = 512 }
  call = "check"
  entitlements = ["security.insecure"]
  extra-hosts = { "db.local" = "10.0.0.5" }
}
""",
    ),
    case(
        "groups of groups",
        """
group "default" { targets = ["all"] }
group "all" {
  description = "everything"
  targets = ["back", "front"]
}
group "back" { targets = ["api", "worker"] }
group "front" { targets = ["web", "api"] }
target "api" {}
target "worker" { context = "worker" }
target "web" { context = "web" }
target "unused" { context = "unused" }
""",
    ),
    case(
        "several names on the command line",
        """
group "default" { targets = ["a"] }
group "both" { targets = ["b", "c"] }
target "a" {}
target "b" {}
target "c" {}
""",
        "c",
        "both",
    ),
    case(
        "patterns on the command line",
        'target "app-one" {}\ntarget "app-two" {}\ntarget "lib" {}\ngroup "app-all" { targets = ["app-one"] }\n',
        "app-*",
    ),
    case(
        "inheritance",
        """
target "base" {
  args = { A = "base", B = "base" }
  labels = { one = "base" }
  platforms = ["linux/amd64"]
  cache-from = ["type=registry,ref=base"]
  tags = ["base"]
  no-cache-filter = ["base"]
}
target "middle" {
  inherits = ["base"]
  args = { B = "middle", C = "middle" }
  secret = ["id=one,env=ONE"]
  attest = ["type=sbom"]
}
target "extra" {
  args = { C = "extra" }
  secret = ["id=one,env=OTHER", "id=two,env=TWO"]
  cache-from = ["type=registry,ref=extra"]
  attest = ["type=sbom,generator=example.com/g"]
}
target "default" {
  inherits = ["middle", "extra"]
  tags = ["final"]
  labels = { two = "final" }
  no-cache-filter = ["final"]
  platforms = []
}
""",
    ),
    case(
        "inheritance in a circle",
        'target "a" { inherits = ["b"] }\ntarget "b" {\n  inherits = ["a"]\n  args = { X = 1 }\n}\n',
        "a",
    ),
    case(
        "linked targets",
        """
target "base" {
  context = "base"
  output = ["type=image"]
  entitlements = ["network.host"]
}
target "mid" {
  contexts = { base = "target:base" }
}
target "default" {
  contexts = { mid = "target:mid", base = "target:base", alpine = "docker-image://alpine" }
}
""",
    ),
    case(
        "arguments of other targets",
        """
target "base" {
  tags = ["example.com/base:7"]
  args = { VERSION = "7", MINOR = 3 }
  output = ["type=oci,dest=out.tar,name=x"]
}
group "extra" { targets = ["base"] }
target "default" {
  args = {
    TAG = target.base.tags[0]
    VERSION = target.base.args.VERSION
    MINOR = target.base.args["MINOR"]
    COUNT = length(target.base.tags)
    NAME = target.base.name
    KIND = target.base.output[0].type
    DEST = target.base.output[0].dest
    GROUP = join(",", group.extra.targets)
    LATER = target.later.context
  }
}
target "later" { context = "later/${target.base.args.VERSION}" }
""",
    ),
    case(
        "variables with defaults and the environment",
        """
variable "TAG" { default = "latest" }
variable "COUNT" { default = 3 }
variable "FLAG" { default = false }
variable "EMPTY" {}
variable "NULL" { default = null }
variable "DERIVED" { default = "${TAG}-${COUNT}" }
variable "LIST" { default = ["a", "b"] }
target "default" {
  tags = ["app:${TAG}"]
  args = {
    COUNT = COUNT + 1
    FLAG = FLAG ? "yes" : "no"
    EMPTY = EMPTY
    NULL = NULL
    DERIVED = DERIVED
    LIST = join("-", LIST)
  }
}
""",
        TAG="v9",
        COUNT="41",
        FLAG="true",
        NULL="given",
    ),
    case(
        "typed variables",
        """
variable "S" { type = string }
variable "N" {
  type = number
  default = "7"
}
variable "B" {
  type = bool
  default = "false"
}
variable "L" {
  type = list(string)
  default = ["x", 1, true]
}
variable "SET" {
  type = set(number)
  default = [3, 1, 3, 2]
}
variable "M" {
  type = map(string)
  default = { a = 1 }
}
variable "O" {
  type = object({ name = string, port = optional(number), tags = optional(list(string)) })
  default = { name = "n", tags = ["t"] }
}
variable "T" {
  type = tuple([string, number])
  default = ["x", "5"]
}
variable "ANY" {
  type = any
  default = ["q"]
}
target "default" {
  args = {
    S = S == null ? "null" : S
    N = N * 2
    B = B
    L = jsonencode(L)
    SET = jsonencode(SET)
    M = jsonencode(M)
    O = jsonencode(O)
    PORT = O.port == null ? "none" : O.port
    T = jsonencode(T)
    ANY = jsonencode(ANY)
  }
}
""",
        L='p,q,"r,s"',
        M="k:v,k2:v2",
        T="y,6",
    ),
    case(
        "variables as JSON",
        """
variable "O" {
  type = object({ name = string, ports = list(number) })
  default = { name = "n", ports = [] }
}
variable "L" { type = list(string) }
target "default" {
  args = { O = jsonencode(O), L = jsonencode(L), FIRST = O.ports[0] }
}
""",
        O_JSON='{"name": "<given>", "ports": [8080, 9090.5]}',
        L_JSON='["a", "b&c"]',
    ),
    case(
        "variables on the command line",
        'variable "A" { default = "x" }\nvariable "B" { default = "y" }\ntarget "default" { args = { A = A, B = B } }\n',
        "--var=A=from the flag",
        "--var",
        "B=",
        A="from the environment",
    ),
    case(
        "the environment is not looked at",
        'variable "A" { default = "x" }\ntarget "default" { args = { A = A } }\n',
        A="given",
        BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP="1",
    ),
    case(
        "validations that hold",
        """
variable "PORT" {
  default = 8080
  validation {
    condition = PORT > 1024 && PORT < 65536
    error_message = "The port must be unprivileged."
  }
  validation {
    condition = PORT != 9999
    error_message = "Not that one."
  }
}
target "default" { args = { PORT = PORT } }
""",
    ),
    case(
        "a matrix",
        """
target "default" {
  name = "app-${item.name}"
  matrix = { item = [{ name = "one", port = 1 }, { name = "two", port = 2 }] }
  context = item.name
  args = { PORT = item.port }
  tags = ["app:${item.name}"]
}
""",
    ),
    case(
        "a matrix of two axes",
        """
target "app" {
  name = "app-${os}-${replace(version, ".", "-")}"
  matrix = { os = ["alpine", "debian"], version = ["1.0", "2.0"] }
  args = { OS = os, VERSION = version }
}
target "default" {
  args = { X = target.app-alpine-1-0.args.OS }
}
""",
        "default",
        "app-debian-2-0",
    ),
    case(
        "a matrix without names of its own",
        'target "app" {\n  name = "x-${v}"\n  matrix = { v = toset }\n}\ntoset = ["b", "a"]\n',
        "x-a",
    ),
    case(
        "user functions",
        """
variable "REPO" { default = "example.com/team" }
function "tag" {
  params = [name, version]
  result = "${REPO}/${name}:${version}"
}
function "tags" {
  params = [name]
  variadic_params = versions
  result = [for v in versions : tag(name, v)]
}
function "increment" {
  params = [n]
  result = add(n, 1)
}
target "default" {
  tags = tags("app", "1", "1.2", "latest")
  args = { N = increment(increment(40)), EXPANDED = join(",", tags("x", ["a", "b"]...)) }
}
""",
    ),
    case(
        "arguments outside of blocks",
        'prefix = "example.com"\nfull = "${prefix}/app"\ntarget "default" {\n  tags = [full]\n}\n',
    ),
    case(
        "operators",
        """
target "default" {
  args = {
    A = 1 + 2 * 3 - 4 / 2
    B = (1 + 2) * 3 % 4
    C = 10 / 4
    D = 1 / 3
    E = 0.1 + 0.2
    F = 2 > 1 && !(1 >= 2) || false
    G = "a" == "a" ? "same" : "other"
    H = 1 == "1"
    I = [1, 2] == [1, 2]
    J = { a = 1 } != { a = 2 }
    K = -5 % 3
    L = -(3)
    M = 1e3
    N = 1.50
    O = 123456789012345678901234567890
    P = 5 <= 5
    Q = null == null
    R = true && 1 < 2
  }
}
""",
    ),
    case(
        "numbers",
        """
target "default" {
  args = {
    A = 1e-7
    B = 123456.789
    C = 1e21
    D = 100000000000000000000000 / 3
    E = 2 / 3
    F = 1000000 * 1000000
    G = 0.1 * 3
    H = 1.0
    I = 7.25 % 2
    J = X
    K = X + 1
    L = X * 1.1
  }
}
variable "X" { default = 1 }
""",
        X="0.1",
    ),
    case(
        "conditions and their types",
        """
variable "X" { default = "" }
target "default" {
  args = {
    A = X == "" ? "none" : X
    B = true ? 1 : "two"
    C = false ? null : "set"
    D = X != "" ? X : null
    E = jsonencode(true ? ["a"] : [])
    F = jsonencode(false ? { a = 1 } : { b = "x" })
    G = true ? "ok" : nothere.x
    H = "true" ? "text" : "other"
  }
  tags = X != "" ? ["x"] : []
}
""",
    ),
    case(
        "for expressions",
        """
variable "NAMES" { default = ["b", "a", "c"] }
variable "PORTS" { default = { web = 80, tls = 443 } }
target "default" {
  tags = [for n in NAMES : "app:${n}" if n != "c"]
  args = {
    INDEXED = join(",", [for i, n in NAMES : "${i}=${n}"])
    KEYS = join(",", [for k, v in PORTS : "${k}:${v}"])
    OBJECT = jsonencode({ for n in NAMES : upper(n) => strlen(n) })
    GROUPED = jsonencode({ for k, v in { a = 1, b = 2, c = 1 } : v => k... })
    FILTERED = jsonencode({ for k, v in PORTS : k => v if v > 100 })
    NESTED = jsonencode([for a in ["x", "y"] : [for b in NAMES : "${a}${b}"]])
  }
}
""",
    ),
    case(
        "splats and indexes",
        """
variable "LIST" { default = [{ name = "a", tags = ["1", "2"] }, { name = "b", tags = [] }] }
target "default" {
  tags = LIST[*].name
  args = {
    OLD = join(",", LIST.*.name)
    FIRST = LIST.0.name
    DEEP = LIST[0].tags[1]
    KEY = { a = { b = "c" } }["a"].b
    ALL = jsonencode(LIST[*].tags)
    SINGLE = jsonencode("x"[*])
    NONE = jsonencode(null[*])
    COMPUTED = LIST[length(LIST) - 1].name
    EACH = jsonencode(LIST[*].tags[0 + 0] == null)
  }
}
""".replace("    EACH = jsonencode(LIST[*].tags[0 + 0] == null)\n", ""),
    ),
    case(
        "templates",
        r"""
variable "N" { default = ["a", "b"] }
target "default" {
  args = {
    A = "plain"
    B = "with ${"nested ${1 + 1}"} parts"
    C = "escaped $${not} and %%{neither}"
    D = "%{ if true }yes%{ else }no%{ endif }"
    E = "%{ for i, n in N }${i}:${n};%{ endfor }"
    F = "a ${~ "trimmed" ~} b"
    G = "quote \" backslash \\ tab \t newline \n unicode \u00e9 \U0001F600"
    H = "${true}"
    I = "x${1}y${false}"
    J = "$ alone % alone"
    K = "%{ if false }a%{ endif }"
    L = "  %{~ for n in N ~}  ${n}  %{~ endfor ~}  "
    M = "${[1, 2][1]}"
    N = "$$"
    O = "100%"
  }
}
""",
    ),
    case(
        "heredocs",
        """
variable "V" { default = "1.25" }
target "default" {
  dockerfile-inline = <<EOT
FROM golang:${V}
RUN echo "$${HOME}" && echo \\$x
  COPY . .
EOT
  args = {
    FLUSH = <<-EOT
      first
        indented ${V}

      last
    EOT
    DIRECTIVES = <<-EOT
      %{ for n in ["a", "b"] ~}
      line ${n}
      %{ endfor ~}
      end
      EOT
    ONLY = <<X
${V}
X
  }
}
""",
    ),
    case(
        "comments and newlines",
        """
# a comment
// another
/* and
   one of several lines */
target "default" { # behind
  args = { # in an object
    A = 1, B = 2 // both
    C = (
      1 +
      2
    )
    D = [
      "x", # element
      "y",
    ][0]
    "quoted-key" : "colon"
    (join("", ["comp", "uted"])) = "yes"
  }
  tags = concat(
    ["a"],
    ["b"]
  )
}
""",
    ),
    case(
        "line ends of Windows",
        'target "default" {\r\n  tags = ["a"]\r\n  args = {\r\n    A = <<E\r\nx\r\nE\r\n  }\r\n}\r\n',
    ),
    case("unquoted labels", 'target default {\n  tags = ["a"]\n}\n'),
    case(
        "unicode",
        'variable "ü" { default = "é" }\ntarget "default" {\n  args = { A = "${ü}日本", B = strlen("日本👩‍👧"), C = upper("straße") }\n}\n',
    ),
    case(
        "what is given beside the definition",
        'target "default" { args = { CONTEXT = BAKE_CMD_CONTEXT, PLATFORM = BAKE_LOCAL_PLATFORM } }\n',
    ),
    case(
        "the time of sources",
        'target "default" {}\ntarget "own" { args = { SOURCE_DATE_EPOCH = "1" } }\n',
        "default",
        "own",
        SOURCE_DATE_EPOCH="1700000000",
    ),
    case(
        "remote contexts",
        'target "default" { context = "https://github.com/docker/buildx.git#master:docs" }\ntarget "b" { context = "git://github.com/docker/buildx" }\n',
        "default",
        "b",
    ),
    case(
        "contexts of the command",
        'target "default" {\n  context = "cwd://sub/dir/.."\n  contexts = { x = "cwd://other" }\n}\n',
    ),
    case(
        "outputs that are completed",
        'target "default" { output = ["type=oci", "type=docker", "type=registry", "out"] }\n',
    ),
    case("an output on stdout", 'target "default" { output = ["-"] }\n'),
    case(
        "policies",
        'target "default" {\n  policy = ["filename=a.rego,strict=true", { filename = "b.rego", log-level = "warn" }]\n}\n',
    ),
    case(
        "unknown arguments",
        'target "default" {\n  context = "x"\n  something = nothing.at.all\n}\nunknown "block" {}\n',
    ),
    case(
        "attempts",
        'variable "X" { default = { a = 1 } }\ntarget "default" {\n  args = {\n    A = try(X.b, X.a, "none")\n    B = can(X.b)\n    C = can(X.a)\n    D = try(nothing, "fallback")\n    E = jsonencode(convert(["1", 2], list(number)))\n  }\n}\n',
    ),
    case(
        "several blocks of one name",
        'target "default" {\n  args = { A = 1, B = 1 }\n  tags = ["one"]\n}\ntarget "default" {\n  args = { B = 2 }\n  labels = { x = "y" }\n}\n',
    ),
    case(
        "nulls",
        'target "default" {\n  tags = null\n  context = null\n  args = null\n  pull = null\n  labels = { a = null }\n}\n',
    ),
    case(
        "lists of one text", 'variable "T" { default = "a,b" }\ntarget "default" { tags = split(",", T) }\n'
    ),
    case(
        "escapes of what is printed",
        'target "default" {\n  args = { A = "$${x} %%{y} <b> & \\u2028" }\n  labels = { L = "$${x}" }\n  tags = ["a<b"]\n}\n',
    ),
)
