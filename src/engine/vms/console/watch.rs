//! A console that only shows: of what a VNC client sends, what asks for pictures goes on to the display, and keys, pointer and
//! clipboard do not. The rest of the protocol is not let through, whoever speaks it.

use std::borrow::Cow;

/// The client says something that a watcher's does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a watcher's console speaks something else than VNC")]
pub struct NotVnc;

/// More encodings than any client names.
const MAX_ENCODINGS: usize = 256;
/// A clipboard's text at most.
const MAX_CUT_TEXT: usize = 1 << 20;

/// Which part of the conversation comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Version,
    Security,
    Init,
    Messages,
}

/// What a client sends, cut into its messages.
#[derive(Debug)]
pub struct WatchOnly {
    stage: Stage,
    /// The beginning of a message that is not whole yet.
    begun: Vec<u8>,
    /// So many bytes of a message that is dropped are still to come.
    dropping: usize,
}

/// What becomes of the message at the start of the bytes.
enum Next {
    /// Its end is not known yet.
    More,
    Pass(usize),
    Drop(usize),
}

impl Default for WatchOnly {
    fn default() -> Self {
        Self { stage: Stage::Version, begun: Vec::new(), dropping: 0 }
    }
}

impl WatchOnly {
    /// What of the client's bytes may go on to the display.
    ///
    /// # Errors
    /// It is no VNC that a watcher speaks: its console is to be closed.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<Vec<u8>, NotVnc> {
        self.begun.extend_from_slice(bytes);
        let (mut at, mut passed) = (0, Vec::new());
        loop {
            let rest = self.begun.get(at..).unwrap_or_default();
            if self.dropping > 0 {
                let gone = self.dropping.min(rest.len());
                (at, self.dropping) = (at + gone, self.dropping - gone);
                if self.dropping > 0 {
                    break;
                }
                continue;
            }
            match next(self.stage, rest)? {
                Next::More => break,
                Next::Drop(length) => self.dropping = length,
                Next::Pass(length) => {
                    let Some(message) = rest.get(..length) else { break };
                    passed.extend_from_slice(&shared(self.stage, message));
                    at += length;
                    self.stage = match self.stage {
                        Stage::Version => Stage::Security,
                        Stage::Security => Stage::Init,
                        Stage::Init | Stage::Messages => Stage::Messages,
                    };
                }
            }
        }
        self.begun.drain(..at);
        Ok(passed)
    }
}

/// A watcher never asks to be alone before the display.
fn shared(stage: Stage, message: &[u8]) -> Cow<'_, [u8]> {
    if stage == Stage::Init { Cow::Owned(vec![1]) } else { Cow::Borrowed(message) }
}

fn next(stage: Stage, rest: &[u8]) -> Result<Next, NotVnc> {
    Ok(match (stage, rest) {
        (_, []) => Next::More,
        (Stage::Version, _) if rest.len() < 12 => Next::More,
        // Where the client chooses how to prove himself; older ones do not.
        (Stage::Version, _) if rest.starts_with(b"RFB 003.008\n") || rest.starts_with(b"RFB 003.007\n") => {
            Next::Pass(12)
        }
        // Nothing is to be proved: the engine has done that.
        (Stage::Security, [1, ..]) | (Stage::Init, _) => Next::Pass(1),
        (Stage::Version | Stage::Security, _) => return Err(NotVnc),
        (Stage::Messages, [kind, ..]) => message(*kind, rest)?,
    })
}

/// A message by its kind: SetPixelFormat, SetEncodings, FramebufferUpdateRequest, EnableContinuousUpdates and Fence go on.
fn message(kind: u8, rest: &[u8]) -> Result<Next, NotVnc> {
    let short = |at: usize| Some(usize::from(u16::from_be_bytes([*rest.get(at)?, *rest.get(at + 1)?])));
    let byte = |at: usize| rest.get(at).map(|b| usize::from(*b));
    let known = match kind {
        0 => Some(Next::Pass(20)),
        2 => match short(2) {
            Some(count) if count > MAX_ENCODINGS => return Err(NotVnc),
            count => count.map(|count| Next::Pass(4 + 4 * count)),
        },
        3 | 150 => Some(Next::Pass(10)),
        248 => match byte(8) {
            Some(length) if length > 64 => return Err(NotVnc),
            length => length.map(|length| Next::Pass(9 + length)),
        },
        // KeyEvent, PointerEvent, the clipboard.
        4 => Some(Next::Drop(8)),
        5 => Some(Next::Drop(6)),
        6 => cut_text(rest)?,
        // A machine's power buttons (xvp), another size for its screen.
        250 => Some(Next::Drop(4)),
        251 => byte(6).map(|screens| Next::Drop(8 + 16 * screens)),
        // QEMU's own: keys, sound.
        255 => qemu(rest)?,
        _ => return Err(NotVnc),
    };
    Ok(known.unwrap_or(Next::More))
}

fn cut_text(rest: &[u8]) -> Result<Option<Next>, NotVnc> {
    let Some(&[a, b, c, d]) = rest.get(4..8) else { return Ok(None) };
    // A negative length is the extended clipboard's.
    let length = usize::try_from(i32::from_be_bytes([a, b, c, d]).unsigned_abs()).unwrap_or(usize::MAX);
    if length > MAX_CUT_TEXT { Err(NotVnc) } else { Ok(Some(Next::Drop(8 + length))) }
}

fn qemu(rest: &[u8]) -> Result<Option<Next>, NotVnc> {
    Ok(match (rest.get(1), rest.get(2..4)) {
        (Some(0), _) => Some(Next::Drop(12)),
        (Some(1), Some([0, 0 | 1])) => Some(Next::Drop(4)),
        (Some(1), Some([0, 2])) => Some(Next::Drop(10)),
        (None, _) | (Some(1), None) => None,
        _ => return Err(NotVnc),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"RFB 003.008\n\x01\x00";
    const ASK: &[u8] = &[3, 1, 0, 0, 0, 0, 2, 0, 1, 0];

    fn typed() -> Vec<Vec<u8>> {
        vec![
            vec![4, 1, 0, 0, 0, 0, 0, 97],
            vec![5, 1, 0, 1, 0, 1],
            [&[6, 0, 0, 0, 0, 0, 0, 3][..], b"abc"].concat(),
            // The extended clipboard: minus four bytes.
            vec![6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc, 1, 2, 3, 4],
            vec![255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30],
            vec![255, 1, 0, 1],
            vec![255, 1, 0, 2, 3, 2, 0, 0, 0xac, 0x44],
            vec![250, 0, 1, 2],
            [&[251, 0, 1, 0, 1, 0, 1, 0][..], &[0; 16]].concat(),
        ]
    }

    #[test]
    fn what_asks_for_pictures_goes_on_and_what_types_does_not() {
        let passed: [&[u8]; 5] = [
            &[0; 20],
            &[2, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 16],
            ASK,
            &[150, 1, 0, 0, 0, 0, 0, 9, 0, 9],
            &[248, 0, 0, 0, 0, 0, 0, 0, 2, 8, 9],
        ];
        let mut said = HELLO.to_vec();
        let mut wanted = b"RFB 003.008\n\x01\x01".to_vec();
        for (at, keys) in typed().iter().enumerate() {
            said.extend(keys);
            said.extend(passed[at % passed.len()]);
            wanted.extend(passed[at % passed.len()]);
        }
        assert_eq!(WatchOnly::default().pass(&said), Ok(wanted.clone()));
        // The same, however it comes in pieces.
        for size in 1..24 {
            let mut watch = WatchOnly::default();
            let heard: Vec<u8> = said.chunks(size).flat_map(|piece| watch.pass(piece).unwrap()).collect();
            assert_eq!(heard, wanted, "pieces of {size}");
        }
    }

    #[test]
    fn a_long_clipboard_is_not_kept() {
        let mut watch = WatchOnly::default();
        watch.pass(HELLO).unwrap();
        watch.pass(&[6, 0, 0, 0, 0, 0x10, 0, 0]).unwrap();
        for _ in 0..16 {
            assert_eq!(watch.pass(&[b'x'; 1 << 16]), Ok(Vec::new()));
            assert!(watch.begun.is_empty());
        }
        assert_eq!(watch.pass(ASK), Ok(ASK.to_vec()));
    }

    #[test]
    fn what_is_no_vnc_ends_it() {
        let long: &[u8] = &[6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
        for said in [b"GET / HTTP/1.1\r\n" as &[u8], b"RFB 003.003\n", b"RFB 003.008\n\x02"] {
            assert_eq!(WatchOnly::default().pass(said), Err(NotVnc));
        }
        for said in [&[7, 0, 0, 0][..], &[255, 9, 0, 0], &[2, 0, 0xff, 0xff], long] {
            let mut watch = WatchOnly::default();
            watch.pass(HELLO).unwrap();
            assert_eq!(watch.pass(said), Err(NotVnc), "{said:?}");
        }
    }
}
