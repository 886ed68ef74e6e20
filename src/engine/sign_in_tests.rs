//! Sessions and second factors.

use super::internal::accounts;
use super::testing::Bench;
use super::users::{self, NewUser};
use super::{Cx, EngineError, factors, sessions, settings, sign_in};
use crate::auth::session::{self, Opened, SessionKind};
use crate::auth::waiting::{Shown, Waiting};
use crate::auth::{AuthError, View};
use crate::model::factor::FactorTrouble;
use crate::model::ids::UserId;
use crate::model::page::ListQuery;
use crate::model::setting::Setting;
use crate::model::user::SignInMethod;
use crate::store;
use time::Duration;
use totp_rs::{Builder, Secret};

const PASSWORD: &str = "builder-1";

async fn add(bench: &Bench, name: &str) -> UserId {
    let new = NewUser { user_name: name.to_owned(), password: Some(PASSWORD.to_owned()), ..NewUser::default() };
    users::add(&bench.cx, new).await.unwrap()
}

async fn enter(bench: &Bench, name: &str, password: &str, kind: SessionKind) -> Result<Opened, EngineError> {
    sign_in::sign_in(&bench.engine, name, password, "::1", kind, View::User).await
}

async fn portal(bench: &Bench, name: &str) -> Result<Opened, EngineError> {
    enter(bench, name, PASSWORD, SessionKind::Portal).await
}

fn as_user(bench: &Bench, opened: &Opened) -> Cx {
    Cx { actor: opened.actor.clone(), ..bench.cx.clone() }
}

async fn set(bench: &Bench, setting: Setting, value: &str) {
    settings::set(&bench.cx, vec![(setting, value.to_owned())]).await.unwrap();
}

fn waits(result: Result<Opened, EngineError>) -> Waiting {
    match result.err() {
        Some(EngineError::Auth(AuthError::SecondFactor(waiting))) => waiting,
        other => panic!("{other:?}"),
    }
}

fn trouble<T>(result: Result<T, EngineError>) -> FactorTrouble {
    match result.err() {
        Some(EngineError::Auth(AuthError::Factor(why))) => why,
        other => panic!("{other:?}"),
    }
}

/// The app's code, so many steps from now.
fn code(bench: &Bench, secret: &str, steps: i64) -> String {
    let app = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build_noncompliant();
    let seconds = bench.engine.clock.now().assume_utc().unix_timestamp() + 30 * steps;
    app.generate(u64::try_from(seconds).unwrap()).to_string()
}

async fn last_active(bench: &Bench, opened: &Opened, ago: Duration) {
    let (id, at) = (opened.id, bench.engine.clock.now() - ago);
    bench.engine.db.write(move |db| Ok::<_, EngineError>(store::sessions::touch(db, id, at)?)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_hold_at_once_for_open_sessions() {
    let bench = Bench::new().await;
    add(&bench, "bob").await;
    let (db, now) = (&bench.engine.db, || bench.engine.clock.now());
    let idle = portal(&bench, "bob").await.unwrap();
    last_active(&bench, &idle, Duration::minutes(5)).await;
    set(&bench, Setting::SessionTimeOut, "4").await;
    assert!(session::resolve(db, now(), &idle.secret, View::User).await.is_err());

    // Another one: the engine may have cleared that one away by now.
    let opened = portal(&bench, "bob").await.unwrap();
    let alive = async || session::resolve(db, now(), &opened.secret, View::User).await.is_ok();
    set(&bench, Setting::SessionTimeOut, "-1").await;
    last_active(&bench, &opened, Duration::days(3)).await;
    session::purge(db, now(), Vec::new()).await.unwrap();
    assert!(alive().await, "never is never");
    set(&bench, Setting::SessionTimeOut, "1").await;
    last_active(&bench, &opened, Duration::seconds(50)).await;
    assert!(session::glance(db, now(), &opened.secret, View::User).await.is_ok());
    session::purge(db, now() + Duration::seconds(15), vec![opened.id]).await.unwrap();
    assert!(alive().await, "an open console is no idleness");
    session::purge(db, now() + Duration::minutes(3), Vec::new()).await.unwrap();
    assert!(!alive().await, "gone for good");

    let root = Cx::root(bench.engine.clone());
    let wrong = settings::set(&root, vec![(Setting::SessionHardLimit, "0".to_owned())]).await.unwrap_err();
    assert!(wrong.to_string().contains("UserSessionHardLimit"), "{wrong}");
    let unknown = settings::known("UserSessionTimeout").unwrap_err().to_string();
    assert!(unknown.contains("UserSessionTimeOutInterval"), "{unknown}");
    let bob = as_user(&bench, &portal(&bench, "bob").await.unwrap());
    assert!(settings::get(&bob).await.is_err());
    assert!(bench.events().await.contains(&"ENGINE_CONFIGURED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_seen_and_ended() {
    let bench = Bench::new().await;
    add(&bench, "bob").await;
    add(&bench, "eve").await;
    let (first, second) = (portal(&bench, "bob").await.unwrap(), portal(&bench, "bob").await.unwrap());
    let script = enter(&bench, "eve", PASSWORD, SessionKind::Api).await.unwrap();
    let (bob, eve) = (as_user(&bench, &first), as_user(&bench, &script));

    let query = ListQuery { search: "user=eve*".to_owned(), ..ListQuery::default() };
    let found = sessions::list(&bench.cx, &query).await.unwrap().rows;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind, found[0].method), (SessionKind::Api, SignInMethod::Password));
    assert!(sessions::list(&bob, &ListQuery::default()).await.is_err(), "only who manages users sees others'");

    assert!(sessions::end(&eve, vec![second.id]).await.is_err());
    assert_eq!(sessions::own(&bob).await.unwrap().len(), 2);
    assert_eq!(sessions::end_others(&bob).await.unwrap(), 1);
    let now = bench.engine.clock.now();
    assert!(session::resolve(&bench.engine.db, now, &second.secret, View::User).await.is_err());
    assert!(session::resolve(&bench.engine.db, now, &first.secret, View::User).await.is_ok());
    assert_eq!(sessions::end(&bench.cx, vec![first.id, script.id]).await.unwrap(), 2);
    assert!(session::resolve(&bench.engine.db, now, &script.secret, View::User).await.is_err());

    let before = portal(&bench, "bob").await.unwrap();
    sign_in::replaced(&bench.engine, &before.secret).await.unwrap();
    sign_in::replaced(&bench.engine, "garbage of another engine").await.unwrap();
    assert!(session::resolve(&bench.engine.db, now, &before.secret, View::User).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_asked_for_taken_once_and_counted() {
    let bench = Bench::new().await;
    let id = add(&bench, "bob").await;
    let bob = as_user(&bench, &portal(&bench, "bob").await.unwrap());
    assert!(factors::begin_codes(&bob, "wrong", "::1").await.is_err(), "an open session is not enough");
    let secret = factors::begin_codes(&bob, PASSWORD, "::1").await.unwrap().secret;
    portal(&bench, "bob").await.expect("nothing is confirmed yet");
    assert_eq!(trouble(factors::confirm_codes(&bob, "000000").await), FactorTrouble::WrongCode);
    let recovery = factors::confirm_codes(&bob, &code(&bench, &secret, -1)).await.unwrap();
    assert_eq!(trouble(factors::begin_codes(&bob, PASSWORD, "::1").await), FactorTrouble::SetUpAlready);

    let complete = async |waiting: &Waiting, code: &str| {
        sign_in::complete(&bench.engine, &waiting.secret, Shown::Code(code.to_owned()), "::1").await
    };
    let waiting = waits(portal(&bench, "bob").await);
    assert!(!waiting.set_up);
    assert_eq!(trouble(complete(&waiting, &code(&bench, &secret, -1)).await), FactorTrouble::WrongCode, "used");
    let now = code(&bench, &secret, 0);
    let (opened, _) = complete(&waiting, &now).await.unwrap();
    assert_eq!(opened.method, SignInMethod::PasswordCode);
    assert_eq!(trouble(complete(&waiting, &now).await), FactorTrouble::TooLate, "it waits no more");
    let waiting = waits(portal(&bench, "bob").await);
    assert_eq!(trouble(complete(&waiting, &now).await), FactorTrouble::WrongCode, "no code twice");
    let (opened, _) = complete(&waiting, &recovery[0].to_uppercase()).await.unwrap();
    assert_eq!(opened.method, SignInMethod::PasswordRecovery);

    // Scripts put the code behind the password.
    let script = async |password: String| enter(&bench, "bob", &password, SessionKind::Api).await;
    assert_eq!(trouble(script(PASSWORD.to_owned()).await), FactorTrouble::CodeAfterPassword);
    assert!(matches!(script("wrong".to_owned()).await, Err(EngineError::Auth(AuthError::WrongPassword))));
    let good = script(format!("{PASSWORD}{}", code(&bench, &secret, 1))).await.unwrap();
    assert_eq!(good.method, SignInMethod::PasswordCode);

    // Wrong codes lock as wrong passwords do, and the right password in between does not help.
    for _ in 0..4 {
        let waiting = waits(portal(&bench, "bob").await);
        assert_eq!(trouble(complete(&waiting, "123456").await), FactorTrouble::WrongCode);
    }
    let waiting = waits(portal(&bench, "bob").await);
    let locked = complete(&waiting, "654321").await.err().unwrap();
    assert!(matches!(locked, EngineError::Auth(AuthError::Locked { just_now: true, .. })), "{locked}");
    assert!(complete(&waiting, &recovery[1]).await.is_err(), "locked is locked");

    factors::reset(&Cx::root(bench.engine.clone()), id).await.unwrap();
    accounts::unlock(&bench.cx, id).await.unwrap();
    portal(&bench, "bob").await.expect("from the command line he is let in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_that_is_demanded_is_set_up_on_the_way_in() {
    let bench = Bench::new().await;
    add(&bench, "bob").await;
    set(&bench, Setting::SecondFactor, "admins").await;
    portal(&bench, "bob").await.expect("he is no administrator");
    set(&bench, Setting::SecondFactor, "required").await;
    assert_eq!(trouble(enter(&bench, "bob", PASSWORD, SessionKind::Api).await), FactorTrouble::NotSetUp);
    let waiting = waits(portal(&bench, "bob").await);
    assert!(waiting.set_up);
    let set_up = factors::set_up_waiting(&bench.engine, &waiting.secret).await.unwrap();
    let again = factors::set_up_waiting(&bench.engine, &waiting.secret).await.unwrap();
    assert_eq!(set_up.secret, again.secret, "the page may be loaded once more");
    let shown = Shown::FirstCode(code(&bench, &set_up.secret, 0));
    let (opened, recovery) = sign_in::complete(&bench.engine, &waiting.secret, shown, "::1").await.unwrap();
    assert_eq!(recovery.len(), 8);

    // Who knows the password alone sets up nothing once there is a second factor.
    let waiting = waits(portal(&bench, "bob").await);
    assert!(!waiting.set_up);
    assert_eq!(trouble(factors::set_up_waiting(&bench.engine, &waiting.secret).await), FactorTrouble::SetUpAlready);
    let first = Shown::FirstCode(code(&bench, &set_up.secret, 1));
    assert_eq!(
        trouble(sign_in::complete(&bench.engine, &waiting.secret, first, "::1").await),
        FactorTrouble::WrongCode
    );
    let bob = as_user(&bench, &opened);
    assert!(factors::remove_codes(&bob, "wrong", "::1").await.is_err());
    factors::remove_codes(&bob, PASSWORD, "::1").await.unwrap();
    set(&bench, Setting::SecondFactor, "off").await;
    portal(&bench, "bob").await.expect("nobody is asked");
}
