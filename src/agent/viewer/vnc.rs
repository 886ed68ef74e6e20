//! The greetings of a VNC connection (RFC 6143) with VeNCrypt's X509Vnc (rfbproto, "VeNCrypt"): TLS first, then the password, which QEMU
//! checks.

use super::{Gate, In, turned_away};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

const VERSION: &[u8; 12] = b"RFB 003.008\n";
const VENCRYPT: u8 = 19;
const X509_VNC: u32 = 261;
const PASSWORD: u8 = 2;
const WRONG: &[u8] = b"The password is wrong or too old.";
/// ClientInit: others stay.
const SHARED: u8 = 1;

/// Lets the viewer in.
///
/// # Errors
/// It says something else, the password is wrong, or another viewer is in.
pub async fn greet(gate: &Arc<Gate>, mut tcp: TcpStream) -> std::io::Result<In> {
    encrypted(&mut tcp).await?;
    let mut viewer = gate.acceptor.accept(tcp).await?;
    let mut display = gate.display().await?;
    ask_for_password(&mut display).await?;
    let challenge: [u8; 16] = read(&mut display).await?;
    viewer.write_all(&challenge).await?;
    viewer.flush().await?;
    let answer: [u8; 16] = read(&mut viewer).await?;
    display.write_all(&answer).await?;
    let good = display.read_u32().await? == 0;
    if !good {
        gate.wrong_password();
    } else if !gate.claim() {
        return Err(turned_away("the password was used"));
    }
    viewer.write_u32(u32::from(!good)).await?;
    if !good {
        viewer.write_u32(u32::try_from(WRONG.len()).unwrap_or_default()).await?;
        viewer.write_all(WRONG).await?;
    }
    viewer.flush().await?;
    if !good {
        return Err(turned_away("the password is wrong"));
    }
    // Viewers ask to be alone, by habit; who else looks on is the engine's to say.
    viewer.read_u8().await?;
    display.write_u8(SHARED).await?;
    Ok((true, viewer, display))
}

async fn read<const N: usize>(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Agrees with the viewer on TLS with a certificate, and on nothing less.
async fn encrypted(tcp: &mut TcpStream) -> std::io::Result<()> {
    tcp.write_all(VERSION).await?;
    if read::<12>(tcp).await? != *VERSION {
        return Err(turned_away("it does not speak VNC 3.8"));
    }
    tcp.write_all(&[1, VENCRYPT]).await?;
    if tcp.read_u8().await? != VENCRYPT {
        return Err(turned_away("it wants no VeNCrypt"));
    }
    tcp.write_all(&[0, 2]).await?;
    let agreed = read::<2>(tcp).await? == [0, 2];
    tcp.write_u8(u8::from(!agreed)).await?;
    if !agreed {
        return Err(turned_away("it does not speak VeNCrypt 0.2"));
    }
    tcp.write_u8(1).await?;
    tcp.write_u32(X509_VNC).await?;
    let agreed = tcp.read_u32().await? == X509_VNC;
    tcp.write_u8(u8::from(agreed)).await?;
    if agreed { Ok(()) } else { Err(turned_away("it wants no TLS with a certificate")) }
}

/// Greets QEMU up to where it sends what the password is proven with.
async fn ask_for_password(display: &mut UnixStream) -> std::io::Result<()> {
    let _: [u8; 12] = read(display).await?;
    display.write_all(VERSION).await?;
    let count = display.read_u8().await?;
    let mut kinds = vec![0; count.into()];
    display.read_exact(&mut kinds).await?;
    if !kinds.contains(&PASSWORD) {
        return Err(turned_away("the display has no password; it was started before there were any: restart the VM"));
    }
    display.write_u8(PASSWORD).await
}
