//! Whose password is looked at next: a few at a time, and who tried least goes first, so that a flood of guesses, from one address or
//! from thousands, does not keep others waiting.

use super::guesses::network;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// More who wait than this, and who tried most is turned away.
const MOST_WAITING: usize = 256;
/// More addresses than this at once share one count.
const MOST_ADDRESSES: usize = 20_000;
/// After so long an address is as good as any other.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// A few turns at a time.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    next: u64,
    /// By how often their address tried before, then by when they came.
    waiting: BTreeMap<(u32, u64), oneshot::Sender<Turn>>,
    tried: HashMap<String, (u32, Instant)>,
    swept: Instant,
}

/// The right to look at one password, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(&'static Turns);

impl Turns {
    pub(super) fn new(at_a_time: usize) -> Self {
        let (waiting, tried) = (BTreeMap::new(), HashMap::new());
        Self(Mutex::new(State { free: at_a_time, next: 0, waiting, tried, swept: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. None: too many wait who tried less.
    pub(super) async fn take(&'static self, source_ip: &str) -> Option<Turn> {
        let (receiver, dropped) = {
            let mut state = self.lock();
            let before = state.count(network(source_ip));
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn(self));
            }
            let (sender, receiver) = oneshot::channel();
            state.next += 1;
            let place = (before, state.next);
            state.waiting.insert(place, sender);
            let over = state.waiting.len() > MOST_WAITING;
            (receiver, if over { state.waiting.pop_last() } else { None })
        };
        drop(dropped);
        receiver.await.ok()
    }

    fn give_back(&'static self) {
        loop {
            let next = {
                let mut state = self.lock();
                let next = state.waiting.pop_first();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some((_, sender)) = next else { return };
            if sender.is_closed() {
                continue;
            }
            // Who goes away at this very moment gives the turn back by dropping it.
            drop(sender.send(Turn(self)));
            return;
        }
    }
}

impl State {
    /// One more try of this address; how many there were before.
    fn count(&mut self, mut address: String) -> u32 {
        let now = Instant::now();
        if self.tried.len() >= MOST_ADDRESSES && !self.tried.contains_key(&address) {
            if now.duration_since(self.swept) > Duration::from_secs(1) {
                self.swept = now;
                self.tried.retain(|_, (_, began)| now.duration_since(*began) < FORGOTTEN);
            }
            if self.tried.len() >= MOST_ADDRESSES {
                address.clear();
            }
        }
        let (tries, began) = self.tried.entry(address).or_insert((0, now));
        if now.duration_since(*began) >= FORGOTTEN {
            (*tries, *began) = (0, now);
        }
        let before = *tries;
        *tries = tries.saturating_add(1);
        before
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns() -> &'static Turns {
        Box::leak(Box::new(Turns::new(1)))
    }

    #[tokio::test]
    async fn who_tried_least_goes_first() {
        let turns = turns();
        let held = turns.take("10.0.0.1").await.unwrap();
        let mut order = Vec::new();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for name in ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"] {
            let sender = sender.clone();
            tokio::spawn(async move {
                let turn = turns.take(name).await.unwrap();
                sender.send(name).unwrap();
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        drop((held, sender));
        while let Some(name) = receiver.recv().await {
            order.push(name);
        }
        assert_eq!(order[0], "10.0.0.2");
        assert_eq!(turns.lock().free, 1);
    }

    #[tokio::test]
    async fn a_flood_is_bounded_and_who_leaves_loses_no_turn() {
        let turns = turns();
        let held = turns.take("10.0.0.9").await.unwrap();
        let mut flood = Vec::new();
        for _ in 0..MOST_WAITING {
            flood.push(tokio::spawn(turns.take("10.0.0.1")));
            tokio::task::yield_now().await;
        }
        let other = tokio::spawn(turns.take("10.0.0.2"));
        tokio::task::yield_now().await;
        assert_eq!(turns.lock().waiting.len(), MOST_WAITING);
        flood.iter().take(MOST_WAITING / 2).for_each(|one| one.abort());
        drop(held);
        assert!(other.await.unwrap().is_some(), "the other is not turned away");
        let mut turned_away = 0;
        for one in flood {
            turned_away += usize::from(matches!(one.await, Ok(None)));
        }
        assert_eq!(turned_away, 1, "the flood's last");
        assert_eq!(turns.lock().free, 1);
    }
}
