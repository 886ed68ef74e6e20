//! The host's own addresses, and the speed of what they are on.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};
use std::path::Path;

/// What an address is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub address: IpAddr,
    /// None: it has no speed (a virtual card), or its cable is out.
    pub mbps: Option<u64>,
}

/// Each address with the name of its card, bond, VLAN or bridge.
pub fn addresses() -> Vec<(String, IpAddr)> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    all.filter_map(|one| Some((one.interface_name.clone(), ip(one.address?)?))).collect()
}

fn ip(address: nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// The link of a logical network: of a card or bridge with its name that has an address which others reach.
pub fn on_network(name: &str) -> Option<Link> {
    let reached = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    };
    let own = addresses().into_iter().filter(|(of, _)| of == name).map(|(_, ip)| ip);
    let address = own.filter(reached).min_by_key(IpAddr::is_ipv6)?;
    Some(Link { address, mbps: mbps(name) })
}

/// The link of this host that has this address; none: another machine passes it on, or it is a name, which is not worth waiting for.
pub fn with_address(host: &str) -> Option<Link> {
    let wanted: IpAddr = host.parse().ok()?;
    let (name, address) = addresses().into_iter().find(|(_, ip)| *ip == wanted)?;
    Some(Link { address, mbps: mbps(&name) })
}

/// The speed of the link that leads to another host.
pub fn speed_towards(host: &str, port: u16) -> Option<u64> {
    let target = (host, port).to_socket_addrs().ok()?.next()?;
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    // Nothing is sent: the kernel only chooses the way.
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    let own = socket.local_addr().ok()?.ip();
    let (name, _) = addresses().into_iter().find(|(_, ip)| *ip == own)?;
    mbps(&name)
}

/// −1 or an error where the link is down or has no speed (Linux: sysfs-class-net).
fn mbps(name: &str) -> Option<u64> {
    let text = fs::read_to_string(Path::new("/sys/class/net").join(name).join("speed")).ok()?;
    text.trim().parse::<u64>().ok().filter(|mbps| *mbps > 0 && *mbps < u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_known_and_has_no_speed() {
        let link = with_address("127.0.0.1").unwrap();
        assert!(link.address.is_loopback() && link.mbps.is_none(), "{link:?}");
        assert_eq!((with_address("192.0.2.77"), with_address("host.example")), (None, None));
        assert_eq!(on_network("no-such-card"), None);
        assert_eq!(speed_towards("127.0.0.1", 9), None);
    }
}
