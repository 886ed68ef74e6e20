#!/bin/sh
# Builds the demo guest from Debian packages: a small Linux whose screen shows host name, address and a clock.
#   build-image.sh OUT.qcow2    a disk with MBR, GRUB and an ext4 root; what is written to it stays
#   build-image.sh OUT.iso      the same guest as a bootable ISO that lives in memory
# Needs: apt-get dpkg busybox-static cpio xz kmod mke2fs sfdisk grub-mkimage (grub-pc-bin) qemu-img; xorriso and grub-mkrescue for the ISO.
set -eu

out=${1:?usage: build-image.sh OUT.qcow2|OUT.iso}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
PATH=$PATH:/usr/sbin:/sbin
for tool in apt-get dpkg cpio xz modprobe depmod mke2fs sfdisk grub-mkimage qemu-img /bin/busybox; do
  command -v "$tool" >/dev/null || { echo "build-image: $tool is missing; install busybox-static cpio xz-utils kmod e2fsprogs fdisk grub-pc-bin qemu-utils" >&2; exit 1; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/vireo-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"

echo "Fetching the kernel and guest agent packages …"
mkdir "$work/debs" "$work/k" "$work/ga" "$work/root"
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
[ -n "$kernel" ] || { echo "build-image: apt knows no linux-image-cloud-amd64; run apt-get update" >&2; exit 1; }
# shellcheck disable=SC2086
(cd "$work/debs" && apt-get download -qq $kernel qemu-guest-agent libc6 libglib2.0-0 libpcre2-8-0 libudev1 liburing2 libnuma1 2>/dev/null)

echo "Unpacking …"
dpkg -x "$work"/debs/linux-image-*.deb "$work/k"
for deb in "$work"/debs/*.deb; do case $deb in *linux-image*) ;; *) dpkg -x "$deb" "$work/ga" ;; esac; done
version=$(basename "$work"/k/lib/modules/*)
depmod -b "$work/k" "$version"

root=$work/root
mkdir -p "$root/bin" "$root/sbin" "$root/usr/sbin" "$root/usr/bin" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/mnt" \
  "$root/root" "$root/var" "$root/lib/modules" "$root/lib64" "$root/lib/x86_64-linux-gnu" "$root/etc/acpi/PWRF" "$root/etc/qemu" "$root/usr/share/udhcpc" "$root/boot"
ln -s ../run "$root/var/run"
cp /bin/busybox "$root/bin/busybox"
for name in sh mount umount insmod ls cat ip udhcpc; do ln -s busybox "$root/bin/$name"; done
cp "$work/ga/usr/sbin/qemu-ga" "$root/usr/sbin/"
for lib in libudev.so.1 libnuma.so.1 liburing.so.2 libglib-2.0.so.0 libgmodule-2.0.so.0 libm.so.6 libc.so.6 libpcre2-8.so.0; do
  found=$(find "$work/ga" -name "$lib" | head -n 1)
  [ -n "$found" ] && cp -L "$found" "$root/lib/x86_64-linux-gnu/"
done
cp -L "$(find "$work/ga" -name 'ld-linux-x86-64.so.2' | head -n 1)" "$root/lib64/"

modules() { # modules TARGET NAME…: copies them with what they need, in the order of loading
  target=$1; shift
  for name in "$@"; do
    modprobe -d "$work/k" -S "$version" --show-depends "$name" 2>/dev/null | awk '/^insmod/ {print $2}' | while read -r file; do
      own=$(basename "$file")
      [ -f "$target/$own" ] && continue
      cp "$file" "$target/$own"; strip -g "$target/$own" 2>/dev/null || true
      echo "$own" >> "$target/order"
    done
  done
}
touch "$root/lib/modules/order"
modules "$root/lib/modules" virtio_pci virtio_blk virtio_scsi sd_mod ata_piix ahci sr_mod isofs virtio_net e1000 virtio_console virtio-rng virtio_balloon evdev button xhci_pci usbhid hid_generic

cat > "$root/etc/os-release" <<'EOF'
NAME="Vireo demo"
PRETTY_NAME="Vireo demo Linux"
ID=vireo-demo
VERSION_ID="1"
EOF
# What tools that look into disks know a system by.
echo '/dev/vda1 / ext4 defaults 0 1' > "$root/etc/fstab"
echo 'root::0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
printf '#!/bin/sh\n/sbin/shutdown -P\n' > "$root/etc/acpi/PWRF/00000080"
cat > "$root/sbin/shutdown" <<'EOF'
#!/bin/sh
# The guest agent calls it with -P, -H or -r.
sync; mount -o remount,ro / 2>/dev/null
case "$*" in *-r*) exec /bin/busybox reboot -f ;; *-H*) exec /bin/busybox halt -f ;; *) exec /bin/busybox poweroff -f ;; esac
EOF
cat > "$root/usr/share/udhcpc/default.script" <<'EOF'
#!/bin/sh
case $1 in
  deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
  bound|renew)
    ip addr flush dev "$interface"; ip addr add "$ip/${mask:-24}" dev "$interface"
    [ -n "${router:-}" ] && ip route replace default via "${router%% *}"
    : > /etc/resolv.conf; for d in ${dns:-}; do echo "nameserver $d" >> /etc/resolv.conf; done ;;
esac
EOF
cat > "$root/usr/bin/screen" <<'EOF'
#!/bin/sh
# The screen: three lines that stay, a shell below them.
line() { printf '\033[%s;1H\033[2K%b' "$1" "$2"; }
head() {
  address=$(ip -o -4 addr show scope global 2>/dev/null | awk '{sub("/.*", "", $4); print $4; exit}')
  printf '\0337'
  line 2 "   \033[1;36m$(hostname)\033[0m"
  line 3 "   \033[37mAddress\033[0m  ${address:-waiting for one}"
  line 4 "   \033[37mClock  \033[0m  $(date '+%Y-%m-%d %H:%M:%S') UTC"
  printf '\0338'
}
printf '\033[2J\033[7;25r\033[6;1H   \033[90mVireo demo desktop: type here, it is a shell.\033[0m\033[7;1H'
( while :; do head; sleep 1; done ) &
cd /root
while :; do PS1='   # ' setsid cttyhack sh; done
EOF
cat > "$root/init" <<'EOF'
#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/sbin:/usr/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
/bin/busybox grep -q ' / ext4 ' /proc/mounts && mount -o remount,rw /
/bin/busybox --install -s /bin 2>/dev/null
mkdir -p /dev/pts /dev/virtio-ports; mount -t devpts pts /dev/pts; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
while read -r m; do insmod "/lib/modules/$m" 2>/dev/null; done < /lib/modules/order
name=$(cat /sys/class/dmi/id/product_family 2>/dev/null)
for s in /dev/sr0 /dev/sr1; do # a NoCloud ISO may name the guest
  [ -b "$s" ] && mount -o ro -t iso9660 "$s" /mnt 2>/dev/null && {
    given=$(sed -n 's/^local-hostname: *//p' /mnt/meta-data 2>/dev/null); [ -n "$given" ] && name=$given; umount /mnt; }
done
hostname "${name:-demo-linux}"
ip link set lo up
for p in /sys/class/virtio-ports/*; do [ -f "$p/name" ] && ln -sf "/dev/${p##*/}" "/dev/virtio-ports/$(cat "$p/name")"; done
setsid sh -c 'exec /usr/bin/screen </dev/tty1 >/dev/tty1 2>&1' &
for e in /sys/class/net/eth*; do [ -e "$e" ] && { n=${e##*/}; ip link set "$n" up; udhcpc -b -S -t 20 -T 1 -i "$n" -x "hostname:$(hostname)" -s /usr/share/udhcpc/default.script >/dev/null 2>&1 & }; done
[ -e /dev/virtio-ports/org.qemu.guest_agent.0 ] && qemu-ga -d -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 >/dev/null 2>&1
acpid -l /dev/null 2>/dev/null
( while :; do for c in /sys/devices/system/cpu/cpu*/online; do [ -f "$c" ] && [ "$(cat "$c")" = 0 ] && echo 1 > "$c"; done; sleep 5; done ) 2>/dev/null &
echo "Vireo demo: $(hostname) is up"  > /dev/ttyS0
while :; do setsid getty -L 115200 ttyS0 vt100; sleep 1; done
EOF
chmod 755 "$root/init" "$root/sbin/shutdown" "$root/usr/bin/screen" "$root/usr/share/udhcpc/default.script" "$root/etc/acpi/PWRF/00000080"
chmod 1777 "$root/tmp"
cp "$work/k/boot/vmlinuz-$version" "$work/vmlinuz"

pack() { (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | xz -6 --check=crc32) > "$2"; }

build_disk() {
  echo "Making the initial RAM disk …"
  first=$work/first
  mkdir -p "$first/bin" "$first/proc" "$first/dev" "$first/new" "$first/m"
  cp "$root/bin/busybox" "$first/bin/busybox"
  touch "$first/m/order"
  modules "$first/m" virtio_pci virtio_blk virtio_scsi sd_mod ata_piix ahci
  cat > "$first/init" <<'EOF'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
while read -r m; do $b insmod "/m/$m" 2>/dev/null; done < /m/order
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  for d in /dev/vda1 /dev/sda1; do [ -b $d ] && $b mount -t ext4 -o ro $d /new && [ -x /new/init ] && exec $b switch_root /new /init; done
  $b usleep 200000
done
echo "No disk with a root file system was found."; exec $b sh
EOF
  chmod 755 "$first/init"
  pack "$first" "$work/initrd"
  echo "Making the disk …"
  mkdir -p "$root/boot/grub"
  cp "$work/vmlinuz" "$work/initrd" "$root/boot/"
  cat > "$root/boot/grub/grub.cfg" <<'EOF'
linux /boot/vmlinuz console=ttyS0 console=tty0 quiet loglevel=3 vt.global_cursor_default=1 no_timer_check tsc=reliable
initrd /boot/initrd
boot
EOF
  truncate -s 127M "$work/part"
  mke2fs -q -F -t ext4 -O ^metadata_csum_seed,^64bit -E root_owner=0:0,lazy_itable_init=0 -L vireo-demo -d "$root" "$work/part"
  truncate -s 128M "$work/disk"
  printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk -q "$work/disk"
  dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc status=none
  printf 'set root=(hd0,msdos1)\nset prefix=(hd0,msdos1)/boot/grub\nconfigfile /boot/grub/grub.cfg\n' > "$work/early.cfg"
  grub-mkimage -O i386-pc -c "$work/early.cfg" -p /boot/grub -o "$work/core.img" biosdisk part_msdos ext2 linux normal configfile boot
  dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk" bs=440 count=1 conv=notrunc status=none
  dd if="$work/core.img" of="$work/disk" bs=512 seek=1 conv=notrunc status=none
  qemu-img convert -f raw -O qcow2 -o compat=1.1,lazy_refcounts=off "$work/disk" "$work/out"
}

build_iso() {
  command -v grub-mkrescue >/dev/null && command -v xorriso >/dev/null || { echo "build-image: grub-mkrescue or xorriso is missing; install grub-common xorriso" >&2; exit 1; }
  echo "Making the ISO …"
  pack "$root" "$work/initrd"
  mkdir -p "$work/iso/boot/grub"
  cp "$work/vmlinuz" "$work/initrd" "$work/iso/boot/"
  printf 'linux /boot/vmlinuz console=ttyS0 console=tty0 quiet loglevel=3\ninitrd /boot/initrd\nboot\n' > "$work/iso/boot/grub/grub.cfg"
  grub-mkrescue -d /usr/lib/grub/i386-pc --locales= --themes= --fonts= -o "$work/out" "$work/iso" -- -volid VIREODEMO >/dev/null 2>&1
}

case $out in
  *.iso) build_iso ;;
  *) build_disk ;;
esac
mv "$work/out" "$out"
echo "Done: $out ($(du -h "$out" | cut -f 1))"
