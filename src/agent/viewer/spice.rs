//! The greetings of a SPICE connection (spice-protocol, protocol.h): told apart by their first message, let through when QEMU took the
//! password.

use super::{Gate, In, turned_away};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MAGIC: &[u8] = b"REDQ";
const HEAD: usize = 16;
const MAX_BODY: usize = 4096;
/// Asked for and password: how, and 128 bytes of RSA.
const MAX_PASSWORD: usize = 512;

/// A link message whole: head and body.
async fn link(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    from.read_exact(&mut bytes).await?;
    let size = number(&bytes, 12) as usize;
    if !bytes.starts_with(MAGIC) || size > MAX_BODY {
        return Err(turned_away("it does not speak SPICE"));
    }
    bytes.resize(HEAD + size, 0);
    from.read_exact(bytes.get_mut(HEAD..).unwrap_or_default()).await?;
    Ok(bytes)
}

/// The number at this place, or 0.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_le_bytes)
}

/// Lets one connection of the viewer in.
///
/// # Errors
/// It says something else, the password is wrong, or another viewer is in.
pub async fn greet(gate: &Arc<Gate>, tcp: TcpStream) -> std::io::Result<In> {
    let mut viewer = gate.acceptor.accept(tcp).await?;
    let asked = link(&mut viewer).await?;
    // Only the first connection of a viewer names no session.
    let first = number(&asked, HEAD) == 0;
    if first == gate.is_taken() {
        return Err(turned_away(if first { "the password was used" } else { "it belongs to no viewer" }));
    }
    let mut display = gate.display().await?;
    display.write_all(&asked).await?;
    let answer = link(&mut display).await?;
    viewer.write_all(&answer).await?;
    viewer.flush().await?;
    if number(&answer, HEAD) != 0 {
        return Err(turned_away("QEMU refused the connection"));
    }
    let verdict = password(&mut viewer, &mut display).await?;
    let good = number(&verdict, 0) == 0;
    if !good {
        gate.wrong_password();
    } else if first && !gate.claim() {
        return Err(turned_away("another was faster"));
    }
    viewer.write_all(&verdict).await?;
    viewer.flush().await?;
    if good { Ok((first, viewer, display)) } else { Err(turned_away("the password is wrong")) }
}

/// Carries the password, and returns QEMU's verdict of four bytes.
async fn password<V>(viewer: &mut V, display: &mut tokio::net::UnixStream) -> std::io::Result<Vec<u8>>
where
    V: AsyncRead + Unpin,
{
    let (mut from_display, mut to_display) = display.split();
    let (mut verdict, mut told) = (Vec::new(), 0);
    let (mut piece, mut four) = ([0; MAX_PASSWORD], [0; 4]);
    while verdict.len() < four.len() {
        let missing = four.len() - verdict.len();
        tokio::select! {
            n = viewer.read(&mut piece) => {
                let n = n?;
                told += n;
                if n == 0 || told > MAX_PASSWORD {
                    return Err(turned_away("it gave no password"));
                }
                to_display.write_all(piece.get(..n).unwrap_or_default()).await?;
            }
            n = from_display.read(four.get_mut(..missing).unwrap_or_default()) => {
                let n = n?;
                if n == 0 {
                    return Err(turned_away("QEMU closed the connection"));
                }
                verdict.extend_from_slice(four.get(..n).unwrap_or_default());
            }
        }
    }
    Ok(verdict)
}
