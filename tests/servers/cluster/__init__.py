"""A real one-node Kubernetes: etcd, the control plane, kubelet, containerd, CNI; and buildkitd pods on it.

`plan` decides every flag and file as pure values, `pki` makes the certificates, `node` is the room that the
kubelet and its containers live in, `buildkit` is a fleet as a manifest, `cluster` starts and stops it all.
"""

from tests.servers.cluster.buildkit import Fleet as Fleet
from tests.servers.cluster.cluster import Cluster as Cluster
from tests.servers.cluster.cluster import start_cluster as start_cluster
