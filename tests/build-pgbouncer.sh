#!/usr/bin/env bash
# Builds a PgBouncer with prepared statements in transaction mode (1.21 or newer) from the source of Debian 13, for
# tests/api/connection_pooler.rs: tests/build-pgbouncer.sh DIRECTORY creates DIRECTORY/pgbouncer.
#
# Requires Debian or Ubuntu with dpkg-dev, gcc, make, pkg-config, libevent-dev and libssl-dev.
set -euo pipefail
target=$(realpath -m "$1")
[ ! -x "$target/pgbouncer" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$target"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# The mirror that this machine uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | head -n 1)
[ -n "$mirror" ] || { echo "apt has no list of a Debian mirror: run apt-get update" >&2; exit 1; }
echo "deb-src [signed-by=$keyring] $mirror trixie main" >"$work/sources.list"
apt="apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$work/lists"
$apt update
(cd "$work" && $apt source --download-only pgbouncer)
mkdir "$work/source"
tar xf "$work"/pgbouncer_*.orig.tar.gz -C "$work/source" --strip-components 1
tar xf "$work"/pgbouncer_*.debian.tar.xz -C "$work/source"
cd "$work/source"
if [ -e debian/patches/series ]; then
  grep -v '^#' debian/patches/series | while read -r patch; do patch -s -p1 <"debian/patches/$patch"; done
fi
{ ./configure --disable-debug --without-cares && make -j"$(nproc)"; } >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
cp pgbouncer "$target/pgbouncer"
