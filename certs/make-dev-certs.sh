#!/bin/sh
# Makes a development CA and the certificates of the router and of the example peers. What is there already is kept.
#
#   certs/make-dev-certs.sh [FOLDER]      default: the folder of this script
#
# For development only: the CA's key lies beside the certificates. certs/README.md says how to use real ones.
set -eu
umask 077

folder=${1:-$(dirname -- "$0")}
ca_days=3650
leaf_days=825 # the longest that common clients accept

command -v openssl >/dev/null 2>&1 || {
  echo "make-dev-certs: openssl is missing; on Debian: apt-get install openssl" >&2
  exit 1
}

mkdir -p -- "$folder"
work=$(mktemp -d "$folder/.making.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Says openssl's own words only when it fails.
quietly() {
  if ! "$@" >"$work/openssl.log" 2>&1; then
    cat "$work/openssl.log" >&2
    echo "make-dev-certs: openssl failed" >&2
    exit 1
  fi
}

make_ca() {
  quietly openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days "$ca_days" \
    -subj "/CN=pif-router development CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$work/ca.key" -out "$work/ca.crt"
  keep ca
}

# RSA, because Lync and OCS offer no elliptic-curve ciphers; both purposes, because every SIP peer connects and is
# connected to (RFC 5922 section 7).
make_leaf() { # NAME HOST [FURTHER-SAN]
  cat >"$work/$1.ext" <<EXT
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=DNS:$2,URI:sip:$2${3:+,$3}
EXT
  quietly openssl req -new -newkey rsa:2048 -nodes -sha256 -subj "/CN=$2" \
    -keyout "$work/$1.key" -out "$work/$1.csr"
  quietly openssl x509 -req -sha256 -days "$leaf_days" -in "$work/$1.csr" -extfile "$work/$1.ext" \
    -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -set_serial "0x$(openssl rand -hex 16)" -out "$work/$1.crt"
  keep "$1"
}

# The key first: whoever sees the certificate finds its key.
keep() { # NAME
  chmod 600 "$work/$1.key"
  chmod 644 "$work/$1.crt"
  mv -- "$work/$1.key" "$folder/$1.key"
  mv -- "$work/$1.crt" "$folder/$1.crt"
  echo "made $folder/$1.crt"
}

# A pair that is there stays, unless our CA made it and it has run out.
is_kept() { # NAME
  [ -s "$folder/$1.crt" ] && [ -s "$folder/$1.key" ] || return 1
  openssl x509 -in "$folder/$1.crt" -noout -checkend 86400 >/dev/null 2>&1 && return 0
  ! openssl x509 -in "$folder/$1.crt" -noout -issuer 2>/dev/null | grep -q "pif-router development CA"
}

leaf() { # NAME HOST [FURTHER-SAN]
  is_kept "$1" || make_leaf "$@"
}

if ! is_kept ca; then
  for name in router imp1 fe1 fe2; do
    if [ -e "$folder/$name.crt" ]; then
      echo "make-dev-certs: $folder/$name.crt is there, but its development CA is gone or has run out; move it away to get new ones" >&2
      exit 1
    fi
  done
  make_ca
fi
leaf router router.example.com IP:127.0.0.1,IP:::1
leaf imp1 imp1.example.com
leaf fe1 fe1.example.com
leaf fe2 fe2.example.com
