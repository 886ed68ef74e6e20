#!/bin/sh
# Installs the Debian packages that are missing: install-packages.sh build|run|test|bench …
set -eu

build="pkg-config gcc libc6-dev libvirt-dev libpq-dev libkrb5-dev libclang-dev"
run="libgssapi-krb5-2 qemu-system-x86 qemu-utils qemu-block-extra libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients seabios ipxe-qemu
  dnsmasq-base iproute2 util-linux busybox-static cpio xz-utils kmod e2fsprogs fdisk binutils grub-pc-bin grub-common xorriso mtools tzdata"
test="chromium chromium-driver openssh-server fonts-noto-cjk postgresql python3-venv python3-dev libxml2-dev libcurl4-openssl-dev libssl-dev
  slapd ldap-utils 389-ds-base python3-lib389 samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind
  krb5-kdc krb5-admin-server krb5-user libnss3-tools openssl curl guestfs-tools fence-agents dpkg-dev"
bench="socat openssl"

wanted=""
for group in "$@"; do
  case $group in
    build) wanted="$wanted $build" ;;
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    *) echo "install-packages: there is no group $group" >&2; exit 2 ;;
  esac
done
command -v npm >/dev/null || wanted="$wanted nodejs npm"

have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" {print $1}' | sort -u)
missing=""
for package in $wanted; do
  printf '%s\n' "$have" | grep -qx "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing with apt:$missing"
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
options=""
case $missing in
  *qemu-system-x86*)
    # All of QEMU's packages have one version; where a newer qemu-utils came from elsewhere, it has to step back.
    version=$(apt-cache madison qemu-system-x86 | awk 'NR == 1 {print $3}')
    missing="$(printf '%s' "$missing" | sed 's/ qemu-[a-z0-9-]*//g') qemu-system-x86=$version qemu-utils=$version qemu-block-extra=$version"
    options="--allow-downgrades" ;;
esac
# Servers that only tests need must not start as services of this machine; tests start their own.
guard=/usr/sbin/policy-rc.d
case " $* " in
  *" test "*)
    if [ ! -e "$guard" ]; then
      printf '#!/bin/sh\nexit 101\n' | $sudo tee "$guard" >/dev/null
      $sudo chmod 755 "$guard"
      trap '$sudo rm -f "$guard"' EXIT
      trap 'exit 130' INT TERM
    fi ;;
esac
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $options $missing >/dev/null
