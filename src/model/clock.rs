//! Time as a parameter, so that tests own it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use time::{OffsetDateTime, PrimitiveDateTime};

/// UTC to the second's thousandth: what both databases keep exactly.
pub type Timestamp = PrimitiveDateTime;

/// Where the time comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        from_offset(OffsetDateTime::now_utc())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Starts at this Unix time (seconds).
    pub fn at(unix_seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(unix_seconds)))
    }
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        from_offset(
            OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst)).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        )
    }
}

fn from_offset(t: OffsetDateTime) -> Timestamp {
    let millis = t.millisecond();
    let t = t.replace_nanosecond(u32::from(millis) * 1_000_000).unwrap_or(t);
    PrimitiveDateTime::new(t.date(), t.time())
}
