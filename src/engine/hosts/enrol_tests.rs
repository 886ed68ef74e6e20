//! Machines that come with a token, and those that should not have it.

use super::enrol::{add, invite, join};
use crate::engine::EngineError;
use crate::engine::hosts::maintenance::{activate, deactivate};
use crate::engine::hosts::remove::remove;
use crate::engine::testing::Bench;
use crate::model::conflict::Conflict;
use crate::model::host::{HostStatus, NewHost};
use crate::model::join::JoinRequest;
use crate::store::hosts::write;
use rcgen::{CertificateParams, KeyPair};

fn request(secret: &str, key: &KeyPair) -> JoinRequest {
    let csr = CertificateParams::default().serialize_request(key).unwrap().pem().unwrap();
    let (address, hostname) = (Some("127.0.0.1".to_owned()), "second".to_owned());
    // Nobody listens there.
    JoinRequest { secret: secret.to_owned(), csr, hostname, address, port: 9 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_machine_and_its_answer_may_be_lost() {
    let bench = Bench::new().await;
    let new = NewHost { name: "host2".to_owned(), ..NewHost::default() };
    let invited = add(&bench.cx, new.clone()).await.unwrap();
    let again = add(&bench.cx, new).await.unwrap_err();
    assert!(matches!(&again, EngineError::Invalid(wrong) if wrong[0].field == "name"), "{again}");
    let status = || async {
        let id = invited.host;
        bench.engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, id)?)).await.unwrap().unwrap()
    };
    assert_eq!(status().await.status, HostStatus::Installing, "nobody is called that has not joined");

    let secret = &invited.token.secret;
    let (mine, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let wrong = JoinRequest { port: 0, ..request(secret, &mine) };
    assert!(join(&bench.engine, wrong, None).await.unwrap_err().to_string().starts_with("port"));
    let wrong = JoinRequest { csr: "no request".to_owned(), ..request(secret, &mine) };
    assert!(join(&bench.engine, wrong, None).await.unwrap_err().to_string().starts_with("csr"));
    let nobody = join(&bench.engine, request("guessed", &mine), None).await.unwrap_err();
    assert!(matches!(nobody, EngineError::Conflict(Conflict::NotInvited)), "{nobody}");

    let joined = join(&bench.engine, request(secret, &mine), None).await.unwrap();
    assert_eq!((joined.name.as_str(), joined.address.as_str()), ("host2", "127.0.0.1"));
    let known = status().await.fingerprint;
    join(&bench.engine, request(secret, &mine), None).await.expect("the same machine asks again");
    let stranger = join(&bench.engine, request(secret, &theirs), None).await.unwrap_err();
    assert!(matches!(stranger, EngineError::Conflict(Conflict::NotInvited)), "{stranger}");
    assert_eq!(status().await.fingerprint, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_storage_of_its_own_rests_and_comes_back() {
    let bench = Bench::new().await;
    let refused = invite(&bench.cx, bench.host).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(Conflict::HostStatus { .. })), "{refused}");
    let job = deactivate(&bench.cx, bench.host).await.unwrap();
    crate::engine::jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(bench.host_status().await, HostStatus::Maintenance);
    let refused = remove(&bench.cx, bench.host).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(Conflict::HostHasStorage { .. })), "{refused}");
    activate(&bench.cx, bench.host).await.unwrap();
    bench.until("it is up again", || bench.host_status(), |status| *status == HostStatus::Up).await;
    bench.assert_no_locks().await;
}
