//! The program that hosts are given: the engine's own, or another one that was built for them.

use crate::engine::EngineError;
use std::io::Read as _;
use std::path::PathBuf;
use tokio::sync::OnceCell;

/// The program that runs now, even where another has taken its name since.
const OWN: &str = "/proc/self/exe";

/// It, and what is known of it.
#[derive(Debug)]
pub(super) struct HostProgram {
    path: PathBuf,
    known: OnceCell<Sum>,
}

/// Its digest and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub sha256: String,
    pub length: u64,
}

impl HostProgram {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path: path.unwrap_or_else(|| OWN.into()), known: OnceCell::new() }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Its digest; read once.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn sum(&self) -> Result<&Sum, EngineError> {
        self.known
            .get_or_try_init(|| async {
                let path = self.path.clone();
                let read = tokio::task::spawn_blocking(move || {
                    read(&path).map_err(|e| EngineError::Internal(format!("{}: {e}", path.display())))
                });
                read.await.map_err(|e| EngineError::Internal(e.to_string()))?
            })
            .await
    }
}

fn read(path: &std::path::Path) -> std::io::Result<Sum> {
    let mut file = std::fs::File::open(path)?;
    let (mut sum, mut buffer, mut length) = (ring::digest::Context::new(&ring::digest::SHA256), vec![0; 1 << 20], 0u64);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            let sha256 = sum.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Sum { sha256, length });
        }
        length += n as u64;
        sum.update(buffer.get(..n).unwrap_or_default());
    }
}
