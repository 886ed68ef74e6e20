//! Stands between a server and ldap3: passes on whole, well-formed, bounded messages only.

use super::shape;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// No entry with the attributes that are asked for comes near this.
pub(super) const MOST_MESSAGE: usize = 1 << 20;
/// All answers to one request together.
const MOST_ANSWER: usize = 16 << 20;

/// Why the guard has closed a connection, if it has.
pub(super) type Verdict = Arc<OnceLock<String>>;

/// A stream that speaks for the server, and why it ends, if it is the guard who ends it.
pub(super) fn before<S>(server: S) -> io::Result<(std::os::unix::net::UnixStream, Verdict)>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (near, far) = UnixStream::pair()?;
    let verdict = Verdict::default();
    let told = verdict.clone();
    tokio::spawn(async move {
        let (from_server, to_server) = tokio::io::split(server);
        let (from_client, to_client) = far.into_split();
        let answered = AtomicUsize::new(0);
        let ended = tokio::select! {
            ended = requests(from_client, to_server, &answered) => ended,
            ended = answers(from_server, to_client, &answered) => ended,
        };
        if let Err(error) = ended
            && error.kind() == io::ErrorKind::InvalidData
        {
            // Before the client's end closes, so that whoever sees that can read why.
            let _ = told.set(error.to_string());
        }
    });
    Ok((near.into_std()?, verdict))
}

async fn requests(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    answered: &AtomicUsize,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return server.shutdown().await;
        }
        answered.store(0, Ordering::Relaxed);
        server.write_all(&buffer[..count]).await?;
        server.flush().await?;
    }
}

async fn answers(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    answered: &AtomicUsize,
) -> io::Result<()> {
    loop {
        let message = read_message(&mut server).await?;
        if shape::check(&message).map_err(nonsense)? == 0 {
            return Ok(());
        }
        if answered.fetch_add(message.len(), Ordering::Relaxed) + message.len() > MOST_ANSWER {
            return Err(nonsense(&format!("more than {MOST_ANSWER} bytes for one question")));
        }
        client.write_all(&message).await?;
    }
}

/// The next message, whole.
pub(super) async fn read_message(server: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 2];
    server.read_exact(&mut message).await?;
    if message[0] != 0x30 {
        return Err(nonsense("something else than an LDAP message"));
    }
    let length = match message[1] {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let mut bytes = vec![0; usize::from(long & 0x7f)];
            server.read_exact(&mut bytes).await?;
            message.extend(&bytes);
            bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        }
        _ => return Err(nonsense("a length that LDAP does not have")),
    };
    if length > MOST_MESSAGE {
        return Err(nonsense(&format!("a message of {length} bytes")));
    }
    let head = message.len();
    message.resize(head + length, 0);
    server.read_exact(&mut message[head..]).await?;
    Ok(message)
}

fn nonsense(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
