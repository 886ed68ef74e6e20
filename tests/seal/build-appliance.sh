#!/bin/sh
# The small guest in which libguestfs works, for the tests of sealing. It needs no kernel of this machine: Debian's is fetched.
#   build-appliance.sh OUT    a folder for LIBGUESTFS_PATH
# Needs: apt-get dpkg depmod supermin and the package libguestfs0.
set -eu

out=${1:?usage: build-appliance.sh OUT}
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d "${TMPDIR:-/tmp}/vireo-seal.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
[ -n "$kernel" ] || { echo "build-appliance: apt knows no linux-image-cloud-amd64; run apt-get update" >&2; exit 1; }
(cd "$work" && apt-get download -qq "$kernel" 2>/dev/null)
dpkg -x "$work"/linux-image-*.deb "$work/k"
version=$(basename "$work"/k/lib/modules/*)
depmod -b "$work/k" "$version"
# supermin looks for this folder, whatever kernel it is given.
[ -d /lib/modules ] || mkdir -p /lib/modules
rm -rf "$out"
SUPERMIN_KERNEL="$work/k/boot/vmlinuz-$version" SUPERMIN_MODULES="$work/k/lib/modules/$version" \
  supermin --build --copy-kernel -f ext2 --host-cpu x86_64 /usr/lib/x86_64-linux-gnu/guestfs/supermin.d -o "$out"
touch "$out/README.fixed"
