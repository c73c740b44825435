#!/bin/sh
# Installs the Debian packages of the programs that the tests run against, where it may; otherwise names what is missing.
set -eu

# Where servers lie, which a user's PATH may leave out.
PATH="$PATH:/usr/sbin"

# PROGRAM:PACKAGE. A file stands for a package that brings no program.
needed="sipp:sip-tester openssl:openssl systemd-analyze:systemd perl:perl ip:iproute2 keepalived:keepalived curl:curl groff:groff-base
  dnsmasq:dnsmasq-base slapd:slapd ldapdelete:ldap-utils samba:samba-ad-dc samba-tool:samba-common-bin
  /usr/share/samba/setup/provision.ldif:samba-ad-provision /usr/lib/python3/dist-packages/samba/__init__.py:python3-samba
  faketime:faketime kamailio:kamailio /etc/kamailio/tls.cfg:kamailio-tls-modules baresip:baresip-core zsh:zsh fish:fish"

missing_packages() {
  for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || [ -r "${pair%%:*}" ] || printf '%s ' "${pair##*:}"
  done
}

give_up() {
  echo "The tests need these Debian packages, which could not be installed here ($1): $missing" >&2
  echo "Install them, then run the tests again:  sudo apt-get install --no-install-recommends $missing" >&2
  exit 1
}

missing=$(missing_packages)
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || give_up "no apt-get on this machine"
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  give_up "neither root nor sudo without a password"
fi

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null >&2
}

# Where systemd runs, some packages start services of their own. The tests start these programs themselves, Kamailio on the
# very port that its service takes on all addresses. What was installed before stays as it was.
stop_services() {
  [ -d /run/systemd/system ] || return 0
  for package in $1; do
    case $package in
      kamailio | slapd) units=$package ;;
      samba-ad-dc) units="smbd nmbd winbind samba-ad-dc" ;;
      *) continue ;;
    esac
    for unit in $units; do
      $as_root systemctl disable --now "$unit" >&2 || echo "The service $unit may still run; the tests do not need it." >&2
    done
  done
}

echo "Installing for the tests: $missing" >&2
# shellcheck disable=SC2086 # a list of words
apt install -y --no-install-recommends $missing || {
  apt update && apt install -y --no-install-recommends $missing
} || give_up "apt-get failed"
stop_services "$missing"

missing=$(missing_packages)
[ -z "$missing" ] || give_up "still not on PATH"
