#!/bin/sh
# certificates.sh FOLDER NODE...: makes a certificate authority and a certificate for each node, as
# FOLDER/ca.pem and FOLDER/NODE.pem, with their keys beside them. Run again, it adds nodes. Keep ca.key
# away from the nodes: whoever has it can be any node. A node needs ca.pem, its own .pem and its own .key.
set -eu
umask 077
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
export OPENSSL_CONF=./openssl.cnf
printf '%s\n' '[req]' 'distinguished_name = name' '[name]' >openssl.cnf
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

if [ ! -e ca.key ]; then
    $new -days 3650 -subj "/CN=nodes of my system" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem 2>/dev/null
fi
for node; do # the name of the node is the DNS name; no host has to be called so
    $new -days 365 -CA ca.pem -CAkey ca.key -subj "/CN=$node" -addext "subjectAltName=DNS:$node" \
        -addext basicConstraints=CA:FALSE -keyout "$node.key" -out "$node.pem" 2>/dev/null
done
