#!/bin/sh
# Runs a command in a network of its own: what libvirt makes there (bridges, rules) ends with it. Guests are emulated there, whatever
# the machine: they meet the same CPU everywhere. with-network.sh COMMAND …
set -eu
# /sys shows the network that it was mounted in; the control groups below it are the machine's.
exec unshare --net --mount sh -euc '
  mount --rbind /sys/fs/cgroup /mnt
  mount -t sysfs sysfs /sys
  mount --rbind /mnt /sys/fs/cgroup
  umount -l /mnt
  ip link set lo up
  export VIREO_KVM=off
  # A guest that starts brings a network card; with an address of its own (IPv6), Chromium would give up what it is just loading.
  echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
  exec "$@"' with-network "$@"
