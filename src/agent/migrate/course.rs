//! The course of a migration: its numbers, and how long the guest may stand still at its end (oVirt's migration policies: one step more
//! each time that what remains does not shrink).

use super::Leaving;
use crate::agent::connection::Libvirt;
use crate::agent::domains::must_find;
use crate::agent::error::from_libvirt;
use crate::agent::ffi;
use crate::model::ids::VmId;
use crate::model::migration::MigrationPolicy;
use crate::wire::migrate::Moving;
use crate::wire::{MigrationState, WireError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use virt::domain::Domain;
use virt_sys as sys;

const LOOK: Duration = Duration::from_millis(250);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    Nothing,
    /// The guest may stand still for so many milliseconds.
    Allow(u64),
    PostCopy,
    GiveUp,
}

/// How it goes.
pub struct Course {
    vm: VmId,
    policy: MigrationPolicy,
    step: usize,
    iteration: u64,
    /// Least that remained at the end of an iteration.
    least: u64,
}

impl Course {
    pub fn new(vm: VmId, policy: MigrationPolicy) -> Self {
        Self { vm, policy, step: 0, iteration: 0, least: u64::MAX }
    }

    /// Watches until it is ended.
    pub async fn follow(mut self, libvirt: Libvirt, leaving: Arc<Leaving>) {
        let mut begun = false;
        loop {
            tokio::time::sleep(if begun { LOOK } else { LOOK / 5 }).await;
            let vm = self.vm;
            let numbers = libvirt.report(move |connection| {
                let domain = must_find(connection, vm)?;
                ffi::job_stats(&domain, 0).map_err(|e| from_libvirt("a migration's numbers", &e))
            });
            let Ok(numbers) = numbers.await else { continue };
            let of = |name: &str| numbers.iter().find(|(known, _)| known == name).map_or(0, |(_, value)| *value);
            // Nothing is sent yet.
            if of("data_total") == 0 {
                continue;
            }
            let next = if begun { self.look(of("memory_iteration"), of("data_remaining")) } else { self.first() };
            begun = true;
            let moving = Moving {
                total_bytes: of("data_total"),
                remaining_bytes: of("data_remaining"),
                bytes_per_second: of("memory_bps"),
                elapsed_ms: of("time_elapsed"),
            };
            if leaving.is_running() {
                leaving.set(MigrationState::Running(moving));
            }
            match libvirt.report(move |connection| act(&must_find(connection, vm)?, next)).await {
                Ok(()) if next == Do::PostCopy => leaving.post_copy.store(true, Ordering::Relaxed),
                Ok(()) => {}
                Err(error) => tracing::debug!(%vm, %error, ?next, "a migration's course"),
            }
        }
    }

    fn first(&self) -> Do {
        self.policy.downtimes_ms.first().map_or(Do::Nothing, |ms| Do::Allow(*ms))
    }

    /// Once an iteration.
    fn look(&mut self, iteration: u64, remaining: u64) -> Do {
        if iteration == self.iteration {
            return Do::Nothing;
        }
        self.iteration = iteration;
        if remaining < self.least {
            self.least = remaining;
            return Do::Nothing;
        }
        self.step += 1;
        match self.policy.downtimes_ms.get(self.step) {
            Some(ms) => Do::Allow(*ms),
            // Once it has gone over there are no more iterations; until then it is told again.
            None if self.policy.post_copy => Do::PostCopy,
            None => Do::GiveUp,
        }
    }
}

fn act(domain: &Domain, what: Do) -> Result<(), WireError> {
    let done = match what {
        Do::Nothing => return Ok(()),
        Do::Allow(ms) => domain.migrate_set_max_downtime(ms, 0).map(drop),
        Do::PostCopy => ffi::start_post_copy(domain),
        Do::GiveUp => ffi::abort_job(domain),
    };
    done.map_err(|e| from_libvirt("a migration", &e))
}

/// How long the guest stood still, as QEMU measured, of a migration that is over; nothing is known: 0.
pub async fn downtime(libvirt: &Libvirt, vm: VmId) -> u64 {
    let numbers = libvirt.report(move |connection| {
        let domain = must_find(connection, vm)?;
        let flags = sys::VIR_DOMAIN_JOB_STATS_COMPLETED;
        ffi::job_stats(&domain, flags).map_err(|e| from_libvirt("a migration's numbers", &e))
    });
    let numbers = numbers.await.unwrap_or_default();
    numbers.iter().find(|(name, _)| name == "downtime").map_or(0, |(_, ms)| *ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::migration::MigrationPolicyName;

    #[test]
    fn downtime_grows_when_nothing_shrinks() {
        let mut course = Course::new(VmId::random(), MigrationPolicyName::MinimalDowntime.policy(None));
        assert_eq!(course.first(), Do::Allow(100));
        assert_eq!(course.look(1, 1000), Do::Nothing);
        assert_eq!(course.look(1, 2000), Do::Nothing, "the same iteration says nothing new");
        assert_eq!(course.look(2, 900), Do::Nothing);
        let next: Vec<Do> = (3..9).map(|i| course.look(i, 950)).collect();
        assert_eq!(next[..5], [150, 200, 300, 400, 500].map(Do::Allow));
        assert_eq!(next[5], Do::GiveUp);
    }

    #[test]
    fn post_copy_is_the_last_step_of_its_policy() {
        let mut course = Course::new(VmId::random(), MigrationPolicyName::PostCopy.policy(None));
        let next: Vec<Do> = (1..7).map(|i| course.look(i, 1000)).collect();
        assert_eq!(next, [Do::Nothing, Do::Allow(150), Do::Allow(200), Do::PostCopy, Do::PostCopy, Do::PostCopy]);
    }
}
