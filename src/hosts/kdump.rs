//! Hears crashed hosts: the kernel that dumps the crashed one's memory sends a message again and again (`fence_kdump_send` of the
//! package fence-agents, or of the distribution's kdump tools; UDP).

use std::io;
use std::net::IpAddr;
use tokio::net::UdpSocket;

/// Where such messages go unless somebody says otherwise.
pub const PORT: u16 = 7410;
/// `struct fence_kdump_msg`: two numbers in the sender's own order, as its machine has them.
const MAGIC: u32 = 0x1B30_2A40;
const VERSION: u32 = 1;

/// Listens for messages.
#[derive(Debug)]
pub struct KdumpListener(UdpSocket);

impl KdumpListener {
    /// On all of this machine's addresses.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        UdpSocket::bind(("0.0.0.0", port)).await.map(Self)
    }

    /// Who sends the next message.
    ///
    /// # Errors
    /// The socket broke.
    pub async fn next(&self) -> io::Result<IpAddr> {
        let mut bytes = [0; 64];
        loop {
            let (length, from) = self.0.recv_from(&mut bytes).await?;
            if is_message(bytes.get(..length).unwrap_or_default()) {
                return Ok(from.ip());
            }
        }
    }
}

/// The addresses that a host's name or address stands for.
pub async fn addresses(host: &str) -> Vec<IpAddr> {
    tokio::net::lookup_host((host, 0)).await.map(|all| all.map(|one| one.ip()).collect()).unwrap_or_default()
}

fn is_message(bytes: &[u8]) -> bool {
    let number = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    number(0) == Some(MAGIC) && number(4) == Some(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_message_is_one() {
        assert!(is_message(&[0x40, 0x2A, 0x30, 0x1B, 1, 0, 0, 0]));
        for wrong in [&[][..], &[0x40, 0x2A, 0x30, 0x1B], &[0x40, 0x2A, 0x30, 0x1B, 2, 0, 0, 0], &[0; 8]] {
            assert!(!is_message(wrong));
        }
    }
}
