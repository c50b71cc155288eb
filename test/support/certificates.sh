#!/bin/sh
# certificates.sh FOLDER: makes certificates and keys for tests of TLS, NAME.pem and NAME.key each.
# ca has signed left, right and other_name (for node elsewhere), common (that has a common name only),
# two (for nodes left and right), expired, early and brief (for node left; it is good for three seconds),
# and server (for node left, but for servers only). other_ca has signed foreign (for node left).
# alone (for node left) has signed itself; locked.key is left's with a password.
set -eu
mkdir -p "$1"
cd "$1"
cat >config <<'END'
[req]
distinguished_name = name
prompt = no
[name]
[ca]
default_ca = db
[db]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
END
: >index
echo 1000 >serial
make="openssl req -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

authority() { # NAME
    $make -x509 -days 30 -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=keyCertSign -keyout "$1.key" -out "$1.pem"
}

# leaf FILE CA NAMES [EXTENSION]: one for these nodes, `DNS:a,DNS:b`; "": with a common name only
leaf() {
    $make -x509 -days 30 -CA "$2.pem" -CAkey "$2.key" -subj "/CN=$1" \
        ${3:+-addext subjectAltName="$3"} ${4:+-addext "$4"} -keyout "$1.key" -out "$1.pem"
}

# dated FILE FROM TO: one for node left with these dates, YYYYMMDDhhmmssZ
dated() {
    $make -subj "/CN=$1" -addext subjectAltName=DNS:left -keyout "$1.key" -out "$1.csr"
    openssl ca -config config -batch -notext -cert ca.pem -keyfile ca.key -startdate "$2" \
        -enddate "$3" -in "$1.csr" -out "$1.pem"
}

{
    authority ca
    authority other_ca
    leaf left ca DNS:left
    leaf right ca DNS:right
    leaf good ca DNS:good
    leaf other_name ca DNS:elsewhere
    leaf two ca DNS:left,DNS:right
    leaf common ca ""
    leaf server ca DNS:left extendedKeyUsage=serverAuth
    leaf foreign other_ca DNS:left
    $make -x509 -days 30 -subj /CN=left -keyout alone.key -out alone.pem
    dated expired 20200101000000Z 20200201000000Z
    dated early 20900101000000Z 20900201000000Z
    dated brief 20200101000000Z "$(date -u -d '+3 seconds' +%Y%m%d%H%M%SZ)"
    openssl ec -in left.key -aes128 -passout pass:secret -out locked.key
} >log 2>&1 || {
    cat log >&2
    exit 1
}
