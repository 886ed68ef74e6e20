//! The tests every kind of job gets: runs; runs with every step done twice; fails at each step and leaves a clean slate; is killed
//! before and after each step and resumed.

use super::faults::TestFaults;
use super::{Kind, Steps as _};
use crate::engine::jobs;
use crate::engine::testing::Bench;
use crate::model::ids::JobId;
use crate::model::job::{JobStatus, JobView};

/// What a kind's tests need to know of it.
pub(in crate::engine) trait Case {
    type Kind: Kind;
    /// What the job works on.
    type Subject;
    /// Everything up to the command.
    fn prepare(bench: &Bench) -> impl Future<Output = Self::Subject>;
    /// The command.
    fn begin(bench: &Bench, subject: &Self::Subject) -> impl Future<Output = JobId>;
    /// What must be so after success.
    fn done(bench: &Bench, subject: &Self::Subject) -> impl Future<Output = ()>;
    /// What must be so after failure: as if nothing had been asked.
    fn clean(bench: &Bench, subject: &Self::Subject) -> impl Future<Output = ()>;
}

/// Puts one kind through all of it.
pub(in crate::engine) async fn every_way<C: Case>() {
    succeeds::<C>(TestFaults::default()).await;
    succeeds::<C>(TestFaults { twice: true, ..TestFaults::default() }).await;
    for step in <C::Kind as Kind>::Step::ALL {
        let place = format!("{}:{}", C::Kind::KIND, step.name());
        fails::<C>(&place).await;
        for moment in ["before", "after"] {
            killed::<C>(&format!("{place}:{moment}")).await;
        }
    }
}

fn set(bench: &Bench, faults: TestFaults) {
    *bench.engine.jobs.faults.test.lock().unwrap() = faults;
}

/// Jobs that come to this place go no further until it is taken away.
pub(in crate::engine) fn pause(bench: &Bench, place: Option<&str>) {
    set(bench, TestFaults { pause: place.map(str::to_owned), ..TestFaults::default() });
}

async fn end(bench: &Bench, job: JobId) -> JobView {
    let view = jobs::wait(&bench.engine, job).await.unwrap();
    bench.assert_no_locks().await;
    view
}

async fn succeeds<C: Case>(faults: TestFaults) {
    let bench = Bench::new().await;
    let subject = C::prepare(&bench).await;
    set(&bench, faults.clone());
    let job = C::begin(&bench, &subject).await;
    let view = end(&bench, job).await;
    assert_eq!(view.status, JobStatus::Finished, "{faults:?}: {}", view.error);
    C::done(&bench, &subject).await;
}

async fn fails<C: Case>(place: &str) {
    let bench = Bench::new().await;
    let subject = C::prepare(&bench).await;
    set(&bench, TestFaults { fail: Some(place.to_owned()), ..TestFaults::default() });
    let job = C::begin(&bench, &subject).await;
    let view = end(&bench, job).await;
    assert_eq!(view.status, JobStatus::Failed, "{place}: {}", view.error);
    assert!(view.error.contains("fails in this test"), "{place}: {}", view.error);
    C::clean(&bench, &subject).await;
}

async fn killed<C: Case>(place: &str) {
    let mut bench = Bench::new().await;
    let subject = C::prepare(&bench).await;
    pause(&bench, Some(place));
    let job = C::begin(&bench, &subject).await;
    bench.until(place, || async { bench.engine.jobs.faults.test.lock().unwrap().paused }, |paused| *paused).await;
    bench.restart().await;
    let view = end(&bench, job).await;
    assert_eq!(view.status, JobStatus::Finished, "{place}: {}", view.error);
    C::done(&bench, &subject).await;
}
