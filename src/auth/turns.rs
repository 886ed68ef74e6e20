//! Whose password is looked at next: a few at a time, and who was wrong least goes first, before strangers those from whose address
//! somebody signed in lately: a flood of guesses, from one address or from thousands, does not keep others waiting.

use super::guesses::network;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// More who wait than this, and who tried most is turned away.
const MOST_WAITING: usize = 256;
/// More addresses than this at once share one count.
const MOST_ADDRESSES: usize = 20_000;
/// After so long an address that was wrong is as good as any other.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// So long an address from where somebody signed in is no stranger.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// A few turns at a time.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    next: u64,
    /// By how often their address was wrong before, then by when they came.
    waiting: BTreeMap<(u32, u64), (String, oneshot::Sender<Turn>)>,
    known: HashMap<String, Known>,
    swept: Instant,
}

/// What is known of an address.
#[derive(Debug)]
struct Known {
    /// In the minute that began then.
    wrong: u32,
    began: Instant,
    signed_in: Option<Instant>,
}

/// The right to look at one password, until it is dropped; it counts as wrong until it is right.
#[derive(Debug)]
pub(super) struct Turn {
    turns: &'static Turns,
    address: String,
}

impl Turn {
    /// The password was right.
    pub(super) fn was_right(&self) {
        if let Some(known) = self.turns.lock().known.get_mut(&self.address) {
            known.wrong = known.wrong.saturating_sub(1);
            known.signed_in = Some(Instant::now());
        }
    }
}

impl Turns {
    pub(super) fn new(at_a_time: usize) -> Self {
        let (waiting, known) = (BTreeMap::new(), HashMap::new());
        Self(Mutex::new(State { free: at_a_time, next: 0, waiting, known, swept: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. None: too many wait who were wrong less.
    pub(super) async fn take(&'static self, source_ip: &str) -> Option<Turn> {
        let (receiver, dropped) = {
            let mut state = self.lock();
            let (before, address) = state.count(network(source_ip));
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn { turns: self, address });
            }
            let (sender, receiver) = oneshot::channel();
            state.next += 1;
            let place = (before, state.next);
            state.waiting.insert(place, (address, sender));
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
            let Some((_, (address, sender))) = next else { return };
            if sender.is_closed() {
                continue;
            }
            // Who goes away at this very moment gives the turn back by dropping it.
            drop(sender.send(Turn { turns: self, address }));
            return;
        }
    }
}

impl State {
    /// One more try of this address: its place among others, and the key that it is known by.
    fn count(&mut self, mut address: String) -> (u32, String) {
        let now = Instant::now();
        if self.known.len() >= MOST_ADDRESSES && !self.known.contains_key(&address) {
            if now.duration_since(self.swept) > Duration::from_secs(1) {
                self.swept = now;
                self.known.retain(|_, known| now.duration_since(known.began) < FORGOTTEN || known.is_no_stranger(now));
            }
            if self.known.len() >= MOST_ADDRESSES {
                address.clear();
            }
        }
        let fresh = || Known { wrong: 0, began: now, signed_in: None };
        let known = self.known.entry(address.clone()).or_insert_with(fresh);
        if now.duration_since(known.began) >= FORGOTTEN {
            (known.wrong, known.began) = (0, now);
        }
        let before = known.wrong.saturating_add(u32::from(!known.is_no_stranger(now)));
        known.wrong = known.wrong.saturating_add(1);
        (before, address)
    }
}

impl Known {
    fn is_no_stranger(&self, now: Instant) -> bool {
        self.signed_in.is_some_and(|at| now.duration_since(at) < REMEMBERED)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back();
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
    async fn who_signed_in_lately_goes_before_strangers() {
        let turns = turns();
        for _ in 0..30 {
            turns.take("10.0.0.1").await.unwrap().was_right();
        }
        let held = turns.take("10.0.0.9").await.unwrap();
        let stranger = tokio::spawn(turns.take("10.0.0.2"));
        tokio::task::yield_now().await;
        let known = tokio::spawn(turns.take("10.0.0.1"));
        tokio::task::yield_now().await;
        let places: Vec<String> = turns.lock().waiting.values().map(|(address, _)| address.clone()).collect();
        assert_eq!(places, ["10.0.0.1", "10.0.0.2"]);
        drop(held);
        drop(known.await.unwrap().unwrap());
        drop(stranger.await.unwrap().unwrap());
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
