//! Reading a console's bytes without a buffer that lives while nothing comes: thousands of consoles are idle at any time.

use bytes::Bytes;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::ready;
use tokio::io::{AsyncRead, ReadBuf};

/// As much as is taken at once: with the four bytes of a WebSocket frame's head four full TLS records (RFC 8446, 5.1).
const PIECE: usize = 64 * 1024 - 4;

/// What there is to read, as soon as there is something; empty at the end. The buffer is on the stack, and only during the read.
///
/// # Errors
/// The stream's.
pub async fn piece(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Bytes> {
    poll_fn(|cx| {
        let mut space = [std::mem::MaybeUninit::uninit(); PIECE];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *from).poll_read(cx, &mut buffer))?;
        Ok(Bytes::copy_from_slice(buffer.filled())).into()
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn takes_what_is_there() {
        let (mut near, mut far) = tokio::io::duplex(128 * 1024);
        near.write_all(b"RFB").await.unwrap();
        assert_eq!(piece(&mut far).await.unwrap(), "RFB");
        near.write_all(&[7; 70_000]).await.unwrap();
        assert_eq!(piece(&mut far).await.unwrap().len(), PIECE);
        assert_eq!(piece(&mut far).await.unwrap().len(), 70_000 - PIECE);
        drop(near);
        assert!(piece(&mut far).await.unwrap().is_empty());
    }
}
