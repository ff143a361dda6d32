"""Making a fleet on Kubernetes: what it consists of, put there, looked at, scaled and taken down.

`spec` is what is wanted, `manifests` what that comes to (pure; `pods`, `access`, `gc_policy`, `config_file`
are its parts), `manifest_text` how it is printed: ``examples/k8s_buildkitd`` is written by it. `kube_objects`
talks to the API server, and is the one module that imports the package kubernetes; `up`, and `rollout`, which
waits for pods, work with it.
"""
