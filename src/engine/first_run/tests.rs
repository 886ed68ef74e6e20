//! Who is told what.

use super::{Of, Password, Said, get, set};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::testing::people::person;
use crate::engine::{EngineError, pools, vms};
use crate::model::first_run::Written;
use crate::model::ids::{TemplateId, VmId};
use crate::model::run_once::RunOnce;
use crate::model::sysprep::{Join, WrittenWindows};
use crate::model::vm::NewVm;
use crate::store::{first_run as store, run_once};
use crate::wire::Medium;

fn written(host_name: &str) -> Written {
    Written { host_name: host_name.to_owned(), ..Written::default() }
}

fn said(written: Written, password: Password) -> Option<Said> {
    Some(Said { written, password, domain_password: Password::Keep })
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
    set(&bench.cx, Of::Template(golden), said(written("lab"), Password::Set("s3cret".to_owned()))).await.unwrap();
    let vm = vm(&bench, golden).await;
    let asked = get(&bench.cx, Of::Vm(vm)).await.unwrap();
    let (name, said_before) = (asked.name, asked.shown.unwrap());
    assert_eq!(
        (name.as_str(), said_before.settings.host_name.as_str(), said_before.has_password, said_before.told),
        ("desk", "lab", true, false)
    );
    let disc = super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().unwrap();
    assert!(disc.files.iter().any(|f| f.content.contains("$6$")), "the hash of the template's password");
    assert!(!format!("{disc:?}").contains("$6$"), "logs have none of it");

    // Once; and again when something else is said.
    run(&bench, vm).await;
    assert!(get(&bench.cx, Of::Vm(vm)).await.unwrap().shown.unwrap().told);
    assert!(super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().is_none());
    set(&bench.cx, Of::Vm(vm), said(written("other"), Password::Forget)).await.unwrap();
    let disc = super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().unwrap();
    assert!(disc.files.iter().all(|f| !f.content.contains("$6$")));
    set(&bench.cx, Of::Vm(vm), None).await.unwrap();
    assert!(get(&bench.cx, Of::Vm(vm)).await.unwrap().shown.is_none());
    wait(&bench, vms::remove(&bench.cx, vm, false).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_tells_its_vms_each_time() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    set(&bench.cx, Of::Template(golden), said(written(""), Password::Keep)).await.unwrap();
    let pool = pools::create(&bench.cx, new_pool(golden)).await.unwrap();
    wait(&bench, pool.job).await;
    let taken = pools::take(&bench.cx, pool.id).await.unwrap();
    wait(&bench, taken.job).await;
    let disc = super::payload(&bench.engine, taken.id, &RunOnce::default())
        .await
        .unwrap()
        .expect("it forgets that it was told");
    assert!(disc.files[0].content.contains("local-hostname: desks-1\n"), "{}", disc.files[0].content);
    let refused = set(&bench.cx, Of::Vm(taken.id), said(written("x"), Password::Keep)).await.unwrap_err();
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
        let refused = set(&bob, of, said(written("x"), Password::Keep)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Auth(_)), "{refused}");
    }
    let long = Password::Set("x".repeat(500));
    let refused = set(&bench.cx, Of::Vm(vm), said(written("a b"), long)).await.unwrap_err();
    let EngineError::Invalid(wrong) = refused else { panic!("{refused}") };
    assert_eq!(wrong.into_iter().map(|w| w.field).collect::<Vec<_>>(), ["host_name", "root_password"]);
}

/// A VM with this operating system.
async fn with_system(bench: &Bench, name: &str, os: &str) -> VmId {
    let golden = template(bench).await;
    let new = NewVm { name: name.to_owned(), os: Some(os.to_owned()), template: Some(golden), ..NewVm::default() };
    let made = vms::create(&bench.cx, new).await.unwrap();
    wait(bench, made.job).await;
    made.id
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_reads_passwords_as_they_were_written() {
    let bench = Bench::new().await;
    let vm = with_system(&bench, "desk-7", "windows_10x64").await;
    let of = Of::Vm(vm);
    let windows = WrittenWindows {
        domain: "school.example".to_owned(),
        domain_user: "joiner".to_owned(),
        ..WrittenWindows::default()
    };
    let told = Written { windows, ..written("lab-?") };
    let refused = set(&bench.cx, of, said(told.clone(), Password::Keep)).await.unwrap_err().to_string();
    assert!(refused.contains("domain.user.password"), "{refused}");
    let secret = |text: &str| Password::Set(text.to_owned());
    let all = Said { written: told.clone(), password: secret("s3<ret"), domain_password: secret("j0in") };
    set(&bench.cx, of, Some(all)).await.unwrap();
    set(&bench.cx, of, said(told.clone(), Password::Keep)).await.unwrap();
    let shown = get(&bench.cx, of).await.unwrap().shown.unwrap();
    assert!(shown.has_password && shown.has_domain_password && shown.settings.windows.join != Join::Nothing);
    let kept =
        bench.engine.db.read(move |db| Ok::<_, EngineError>(store::get(db, vm.object())?)).await.unwrap().unwrap();
    let as_kept = format!("{kept:?} {shown:?}");
    assert!(!kept.secrets.is_empty() && !as_kept.contains("s3<ret") && !as_kept.contains("j0in"), "{as_kept}");

    let disc = super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().unwrap();
    let names: Vec<_> = disc.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["unattend.xml", "Autounattend.xml"]);
    let text = &disc.files[0].content;
    for part in ["<ComputerName>lab-7<", "s3&lt;ret", "<Password>j0in<", "<JoinDomain>school.example<"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Who leaves the domain leaves its password behind; the other stays until it is forgotten.
    set(&bench.cx, of, said(written(""), Password::Keep)).await.unwrap();
    let shown = get(&bench.cx, of).await.unwrap().shown.unwrap();
    assert!(shown.has_password && !shown.has_domain_password);
    set(&bench.cx, of, said(written(""), Password::Forget)).await.unwrap();
    assert!(!get(&bench.cx, of).await.unwrap().shown.unwrap().has_password);
    let keys = Written { dns_servers: "192.0.2.1".to_owned(), ..written("") };
    let refused = set(&bench.cx, of, said(keys, Password::Keep)).await.unwrap_err().to_string();
    assert!(refused.contains("dns_servers"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn older_windows_finds_a_floppy() {
    let bench = Bench::new().await;
    let vm = with_system(&bench, "old", "windows_xp").await;
    let told = Written { time_zone: "Asia/Shanghai".to_owned(), ..written("") };
    set(&bench.cx, Of::Vm(vm), said(told, Password::Set("s3cret".to_owned()))).await.unwrap();
    let disc = super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().unwrap();
    assert_eq!((disc.medium, disc.files.len(), disc.files[0].name.as_str()), (Medium::Floppy, 1, "sysprep.inf"));
    let text = &disc.files[0].content;
    assert!(text.contains("TimeZone=210\r\n") && text.contains("AdminPassword=s3cret\r\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_is_told_something_else() {
    let bench = Bench::new().await;
    let golden = template(&bench).await;
    set(&bench.cx, Of::Template(golden), said(written("lab"), Password::Set("s3cret".to_owned()))).await.unwrap();
    let vm = vm(&bench, golden).await;
    run(&bench, vm).await;
    let other = said(Written { script: "#!/bin/sh\nexam".to_owned(), ..written("exam") }, Password::Keep);
    let wrong = said(written("a b"), Password::Keep);
    let refused = vms::run_once(&bench.cx, vm, RunOnce::default(), wrong).await.unwrap_err().to_string();
    assert!(refused.contains("host_name"), "{refused}");
    wait(&bench, vms::run_once(&bench.cx, vm, RunOnce::default(), other).await.unwrap()).await;
    let once = bench.engine.db.read(move |db| Ok::<_, EngineError>(run_once::get(db, vm)?)).await.unwrap().unwrap();
    let disc = super::payload(&bench.engine, vm, &once).await.unwrap().unwrap();
    let all: String = disc.files.iter().map(|f| f.content.as_str()).collect();
    assert!(all.contains("local-hostname: exam\n") && all.contains("#!/bin/sh\nexam"), "{all}");
    assert!(all.contains("$6$"), "its own password stays");
    assert!(all.contains(&format!("instance-id: {vm}-1-{}\n", once.began)), "cloud-init does it anew: {all}");
    // Nothing of it is left: it says what it said, and was told that before.
    wait(&bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
    let shown = get(&bench.cx, Of::Vm(vm)).await.unwrap().shown.unwrap();
    assert!(shown.told && shown.settings.host_name == "lab");
    assert!(super::payload(&bench.engine, vm, &RunOnce::default()).await.unwrap().is_none());
    // Told again: another time, too.
    wait(&bench, vms::run_once(&bench.cx, vm, RunOnce { tell: true, ..RunOnce::default() }, None).await.unwrap()).await;
    let once = bench.engine.db.read(move |db| Ok::<_, EngineError>(run_once::get(db, vm)?)).await.unwrap().unwrap();
    let disc = super::payload(&bench.engine, vm, &once).await.unwrap().unwrap();
    assert!(disc.files[0].content.contains(&format!("instance-id: {vm}-1-{}\nlocal-hostname: lab\n", once.began)));
}
