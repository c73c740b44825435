#!/bin/sh
# Makes a private key and a certificate signing request for the router, for an authority of your own.
#
#   certs/make-csr.sh NODE-NAME [FURTHER-NAME...]
#
# NODE-NAME is node.name of routes.yaml: the destination of Microsoft's static route and Cisco's TLS peer subject, a host
# and not the SIP domain. FURTHER-NAMEs are other names that listeners use. At a site without DNS each may be an address.
#
#   KEY_BITS=3072    RSA key length: 2048 or more. Default 2048
#   FOLDER=...       where the files go. Default: the folder of this script
#
# It writes NODE-NAME.key, for its owner only, and NODE-NAME.csr; what is there already is never overwritten.
set -eu
umask 077

say() {
  echo "make-csr: $*" >&2
}

usage() {
  echo "usage: certs/make-csr.sh NODE-NAME [FURTHER-NAME...]   (KEY_BITS=2048 FOLDER=certs)" >&2
  exit 2
}

# SIP peers compare an address with the IP addresses of a certificate only (RFC 5280 section 4.2.1.6).
is_address() {
  case $1 in
    *:*) ;;
    *[!0-9.]*) return 1 ;;
  esac
}

# A host name with a dot in it (RFC 1123), what both sides can resolve, or an address. Nothing else may reach openssl's
# configuration, which itself refuses what only looks like an address.
check_name() {
  case $1 in
    *[!0-9A-Fa-f:.]* | -* | .* | *. | *..*) ;;
    *:*) return ;;
  esac
  case $1 in
    -* | *[!A-Za-z0-9.-]* | .* | *. | *..*) say "\"$1\" is neither a host name nor an address" && exit 2 ;;
    *.*) ;;
    *) say "\"$1\" has no domain: peers want the whole name, such as $1.example.com" && exit 2 ;;
  esac
}

[ $# -ge 1 ] || usage
for name in "$@"; do check_name "$name"; done

bits=${KEY_BITS:-2048}
case $bits in
  '' | *[!0-9]*) usage ;;
esac
if [ "$bits" -lt 2048 ]; then
  say "KEY_BITS=$bits is too short: authorities and peers want 2048 or more"
  exit 2
fi

command -v openssl >/dev/null 2>&1 || {
  say "openssl is missing; on Debian: apt-get install openssl"
  exit 1
}

folder=${FOLDER:-$(dirname -- "$0")}
key=$folder/$1.key
csr=$folder/$1.csr
for file in "$key" "$csr"; do
  if [ -e "$file" ]; then
    say "$file is there already: move it away first"
    exit 1
  fi
done

mkdir -p -- "$folder"
work=$(mktemp -d "$folder/.making.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

alternatives=
for name in "$@"; do
  kind=DNS
  if is_address "$name"; then kind=IP; fi
  alternatives=${alternatives:+$alternatives,}$kind:$name
done

# RSA: Lync and OCS have no elliptic-curve ciphers. Both purposes: every peer connects and is connected to. The digest is
# SHA-256, which every Windows since 2003 SP2 with its updates knows.
if ! openssl req -new -newkey "rsa:$bits" -nodes -sha256 -subj "/CN=$1" \
  -addext "subjectAltName=$alternatives" \
  -addext "keyUsage=critical,digitalSignature,keyEncipherment" \
  -addext "extendedKeyUsage=serverAuth,clientAuth" \
  -keyout "$work/key" -out "$work/csr" >"$work/openssl.log" 2>&1; then
  cat "$work/openssl.log" >&2
  say "openssl failed"
  exit 1
fi
chmod 600 "$work/key"
chmod 644 "$work/csr"
# ln never overwrites, not even what has come meanwhile.
ln -- "$work/key" "$key"
ln -- "$work/csr" "$csr" || {
  rm -f -- "$key"
  exit 1
}

cat <<NEXT
made $key (keep it where it is, or move it to the router's machine; it is nobody else's)
made $csr (give this to the authority)

Next, with a Microsoft authority (AD CS):
  certreq -submit -attrib "CertificateTemplate:TEMPLATE" $1.csr $1.cer
where TEMPLATE is one for server *and* client authentication: the plain "Web Server" template is for servers only, and
its certificates are refused. Duplicate it and add Client Authentication under Extensions > Application Policies.
  certutil -encode $1.cer $1.crt        # if the answer is not PEM already
With any other authority: the certificate must have both extended key usages (1.3.6.1.5.5.7.3.1 and .2) and all names.

Then
  this router       append the intermediates to $1.crt, name it and the key in routes.yaml under tls; pif-router doctor (checkout: npm run pif-router -- doctor)
  Cisco IM&P        Cisco Unified IM and Presence OS Administration > Security > Certificate Management:
                    upload the root, and each intermediate, as cup-trust;
                    Cisco Unified CM IM and Presence Administration > System > Security > TLS Peer Subjects: $1
  Front Ends        trust the root (those of the domain do already when it is the domain's own authority)
NEXT
