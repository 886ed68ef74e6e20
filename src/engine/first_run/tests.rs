//! Who is told what.

use super::{Of, Password, get, set};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::testing::people::person;
use crate::engine::{EngineError, pools, vms};
use crate::model::first_run::Written;
use crate::model::ids::{TemplateId, VmId};
use crate::model::vm::NewVm;

fn written(host_name: &str) -> Written {
    Written { host_name: host_name.to_owned(), ..Written::default() }
}

async fn vm(bench: &Bench, template: TemplateId) -> VmId {
    let new = NewVm { name: "desk".to_owned(), template: Some(template), ..NewVm::default() };
    let made = vms::create(&bench.cx, new).await.unwrap();
    wait(bench, made.job).await;
    made.id
}

async fn run(bench: &Bench, vm: VmId) {
    wait(bench, vms::start(&bench.cx, vm).await.unwrap()).await;
    wait(bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_a_template_is_told_what_that_says() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    set(&bench.cx, Of::Template(golden), Some((written("lab"), Password::Set("s3cret".to_owned())))).await.unwrap();
    let vm = vm(&bench, golden).await;
    let (name, said) = get(&bench.cx, Of::Vm(vm)).await.unwrap();
    let said = said.unwrap();
    assert_eq!(
        (name.as_str(), said.settings.host_name.as_str(), said.has_password, said.told),
        ("desk", "lab", true, false)
    );
    let disc = super::payload(&bench.engine, vm, false).await.unwrap().unwrap();
    assert!(disc.files.iter().any(|f| f.content.contains("$6$")), "the hash of the template's password");
    assert!(!format!("{disc:?}").contains("$6$"), "logs have none of it");

    // Once; and again when something else is said.
    run(&bench, vm).await;
    assert!(get(&bench.cx, Of::Vm(vm)).await.unwrap().1.unwrap().told);
    assert!(super::payload(&bench.engine, vm, false).await.unwrap().is_none());
    set(&bench.cx, Of::Vm(vm), Some((written("other"), Password::Forget))).await.unwrap();
    let disc = super::payload(&bench.engine, vm, false).await.unwrap().unwrap();
    assert!(disc.files.iter().all(|f| !f.content.contains("$6$")));
    set(&bench.cx, Of::Vm(vm), None).await.unwrap();
    assert!(get(&bench.cx, Of::Vm(vm)).await.unwrap().1.is_none());
    wait(&bench, vms::remove(&bench.cx, vm, false).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_tells_its_vms_each_time() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    set(&bench.cx, Of::Template(golden), Some((written(""), Password::Keep))).await.unwrap();
    let pool = pools::create(&bench.cx, new_pool(golden)).await.unwrap();
    wait(&bench, pool.job).await;
    let taken = pools::take(&bench.cx, pool.id).await.unwrap();
    wait(&bench, taken.job).await;
    let disc = super::payload(&bench.engine, taken.id, false).await.unwrap().expect("it forgets that it was told");
    assert!(disc.files[0].content.contains("local-hostname: desks-1\n"), "{}", disc.files[0].content);
    let refused = set(&bench.cx, Of::Vm(taken.id), Some((written("x"), Password::Keep))).await.unwrap_err();
    assert!(refused.to_string().contains("its pool desks"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_edit_it_neither_reads_nor_writes_it() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    let vm = vm(&bench, golden).await;
    let bob = person(&bench, "bob").await;
    for of in [Of::Vm(vm), Of::Template(golden)] {
        assert!(matches!(get(&bob, of).await.unwrap_err(), EngineError::Auth(_)));
        let refused = set(&bob, of, Some((written("x"), Password::Keep))).await.unwrap_err();
        assert!(matches!(refused, EngineError::Auth(_)), "{refused}");
    }
    let long = Password::Set("x".repeat(500));
    let refused = set(&bench.cx, Of::Vm(vm), Some((written("a b"), long))).await.unwrap_err();
    let EngineError::Invalid(wrong) = refused else { panic!("{refused}") };
    assert_eq!(wrong.into_iter().map(|w| w.field).collect::<Vec<_>>(), ["host_name", "root_password"]);
}
