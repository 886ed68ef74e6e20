//! The host side: it drives libvirt, qemu-img and the kernel, and holds no state of its own.
