#!/bin/sh
# Make the certificates for mtls.yaml: a CA, one certificate for all daemons, one for those who build.
#
#     ./certificates.sh DIRECTORY [NAME...]
#
# NAME is what the daemons' certificate is for. All of them have the same: a pod's IP changes too often to stand
# in it. Run again, it renews both certificates and keeps the CA. DAYS (90) says for how long they hold.
set -eu
umask 077

directory=${1:?usage: certificates.sh DIRECTORY [NAME...]}
shift
[ $# -gt 0 ] || set -- buildkitd '*.buildkitd.buildkit.svc' '*.buildkitd.buildkit.svc.cluster.local' localhost
mkdir -p "$directory"
cd "$directory"

cat > openssl.cnf << END
[req]
distinguished_name = subject
[subject]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[daemons]
basicConstraints = critical, CA:false
extendedKeyUsage = serverAuth
subjectAltName = $(printf 'DNS:%s,' "$@" | sed 's/,$//')
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical, CA:false
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
END
trap 'rm -f openssl.cnf request.pem' EXIT

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

issue() { # the name of a section above, and of a directory
    mkdir -p "$1"
    key "$1/key.pem"
    openssl req -new -config openssl.cnf -key "$1/key.pem" -subj "/CN=buildkitd $1" -out request.pem
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -set_serial "0x$(openssl rand -hex 16)" \
        -days "${DAYS:-90}" -extfile openssl.cnf -extensions "$1" -out "$1/cert.pem"
    cp ca.pem "$1/ca.pem"
}

if [ ! -e ca-key.pem ]; then
    key ca-key.pem
    openssl req -x509 -new -config openssl.cnf -extensions ca -key ca-key.pem -subj '/CN=buildkitd CA' -days 3650 \
        -out ca.pem
fi
issue daemons
issue client

cat << END
ca-key.pem  signs more certificates; keep it where nobody else gets at it, not in the cluster
daemons/    kubectl create secret generic buildkitd-tls -n buildkit --from-file=$PWD/daemons
client/     warmroute build --tls-dir $PWD/client --tls-server-name $1 ...
END
