//! How long a guest does not answer while it moves: an ICMP echo (RFC 792) every 10 ms, and the longest time without a reply.

use socket2::{Domain, Protocol, Socket, Type};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(10);
/// Who has not answered before is not waited for.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Pings until it is asked.
pub struct Pinger {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Option<Duration>>,
}

impl Pinger {
    /// Pings the first of the addresses that is IPv4; none: there is nothing to ping.
    pub fn start(addresses: &[String]) -> Option<Self> {
        let address: Ipv4Addr =
            addresses.iter().find_map(|a| a.parse().ok()).filter(|a: &Ipv4Addr| !a.is_loopback())?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let ping = move || match Echo::new(address) {
            Ok(echo) => echo.longest_gap(&told),
            Err(error) => {
                tracing::debug!(%address, %error, "cannot be pinged");
                None
            }
        };
        let thread = std::thread::Builder::new().name("ping".to_owned()).spawn(ping).ok()?;
        Some(Self { stop, thread })
    }

    /// The longest time without an answer; none: there never was one. Waits for the guest's first answer from where it is now.
    pub fn end(self) -> Option<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().flatten()
    }
}

struct Echo {
    socket: Socket,
    target: SocketAddr,
    id: u16,
}

impl Echo {
    fn new(address: Ipv4Addr) -> std::io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        socket.set_read_timeout(Some(EVERY))?;
        let id = u16::from_be_bytes(uuid::Uuid::new_v4().as_bytes().first_chunk().copied().unwrap_or_default());
        Ok(Self { socket, target: SocketAddr::new(address.into(), 0), id })
    }

    fn longest_gap(mut self, stop: &AtomicBool) -> Option<Duration> {
        let (mut last, mut longest) = (None, Duration::ZERO);
        let (mut sequence, mut stopped) = (0u16, None);
        loop {
            let begun = Instant::now();
            // A full queue is one lost ping.
            let _ = self.socket.send_to(&request(self.id, sequence), &self.target.into());
            sequence = sequence.wrapping_add(1);
            while let Some(left) = EVERY.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
                let _ = self.socket.set_read_timeout(Some(left));
                if self.answered() {
                    let now = Instant::now();
                    longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
                    last = Some(now);
                }
            }
            if stop.load(Ordering::Relaxed) {
                let since = *stopped.get_or_insert(begun);
                if last.is_none_or(|last| last > since) || since.elapsed() > AFTERWARDS {
                    return last.map(|last| longest.max(last.elapsed()));
                }
            }
        }
    }

    /// A reply of this target to one of these requests.
    fn answered(&mut self) -> bool {
        let mut packet = [0; 128];
        let Ok(length) = self.socket.read(&mut packet) else { return false };
        let Some(packet) = packet.get(..length) else { return false };
        let head = packet.first().map_or(0, |b| usize::from(b & 15) * 4);
        let from = packet.get(12..16) == self.octets().as_deref();
        from && packet.get(head) == Some(&0) && packet.get(head + 4..head + 6) == Some(&self.id.to_be_bytes())
    }

    fn octets(&self) -> Option<Vec<u8>> {
        match self.target.ip() {
            std::net::IpAddr::V4(address) => Some(address.octets().to_vec()),
            std::net::IpAddr::V6(_) => None,
        }
    }
}

/// An echo request.
fn request(id: u16, sequence: u16) -> [u8; 8] {
    let [a, b] = id.to_be_bytes();
    let [c, d] = sequence.to_be_bytes();
    // The checksum over the four other words (RFC 1071); type 8 and code 0 are the first.
    let sum = 0x0800 + u32::from(id) + u32::from(sequence);
    let sum = (sum & 0xffff) + (sum >> 16);
    let [e, f] = u16::try_from(!((sum & 0xffff) + (sum >> 16)) & 0xffff).unwrap_or_default().to_be_bytes();
    [8, 0, e, f, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_right() {
        for (id, sequence) in [(0, 0), (1, 2), (0xffff, 0xffff), (0xf7ff, 1), (0x1234, 0xeccb)] {
            let words = request(id, sequence).chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum::<u32>();
            let folded = (words & 0xffff) + (words >> 16);
            assert_eq!((folded & 0xffff) + (folded >> 16), 0xffff, "{id} {sequence}");
        }
    }

    #[test]
    fn this_machine_answers_without_a_gap() {
        let echo = Echo::new(Ipv4Addr::LOCALHOST).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || echo.longest_gap(&told));
        std::thread::sleep(Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
        let gap = thread.join().unwrap().unwrap();
        assert!(gap > Duration::ZERO && gap < Duration::from_millis(200), "{gap:?}");
    }

    #[test]
    fn nobody_answers() {
        assert!(Pinger::start(&["127.0.0.1".to_owned(), "fe80::1".to_owned()]).is_none());
    }
}
