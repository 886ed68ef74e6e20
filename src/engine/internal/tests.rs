//! The internal domain: passwords, locks, validity, groups.

use super::accounts::{self, Edit};
use super::groups::{self, Member};
use super::passwords::{self, Reset};
use super::settings;
use crate::auth::session::SessionKind;
use crate::auth::{Actor, AuthError, View, session};
use crate::engine::testing::Bench;
use crate::engine::users::{self, NewUser};
use crate::engine::{Cx, EngineError, permissions, sign_in};
use crate::model::conflict::Conflict;
use crate::model::ids::{SYSTEM, UserId};
use crate::model::internal::NotNow;
use crate::model::permission::ObjectKind;
use crate::model::role::SUPER_USER;
use crate::model::valid::Problem;
use time::Duration;

async fn add(bench: &Bench, name: &str, password: &str) -> UserId {
    let new = NewUser { user_name: name.to_owned(), password: Some(password.to_owned()), ..NewUser::default() };
    users::add(&bench.cx, new).await.unwrap()
}

async fn enter(bench: &Bench, name: &str, password: &str, from: &str) -> Result<session::Opened, EngineError> {
    sign_in::sign_in(&bench.engine, name, password, from, SessionKind::Portal, View::User).await
}

fn is_wrong(result: &Result<session::Opened, EngineError>) -> bool {
    let said = "the user name or the password is wrong, or the account is locked";
    result.as_ref().is_err_and(|error| error.to_string() == said)
}

fn why(result: Result<session::Opened, EngineError>) -> NotNow {
    match result.err() {
        Some(EngineError::Auth(AuthError::NotNow { why, .. })) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_told_apart_by_nobody_but_the_administrator() {
    let bench = Bench::new().await;
    let id = add(&bench, "bob", "builder-1").await;
    for n in 0..5 {
        assert!(is_wrong(&enter(&bench, "bob", "guess", &format!("10.0.0.{n}")).await));
    }
    assert!(is_wrong(&enter(&bench, "bob", "builder-1", "10.0.1.1").await), "even with the right password");
    assert!(is_wrong(&enter(&bench, "nobody", "builder-1", "10.0.1.1").await));

    let account = accounts::get(&bench.cx, id).await.unwrap();
    assert!(account.user.locked_at.is_some() && account.user.last_failure_ip == "10.0.0.4", "{account:?}");
    // Root on the engine's machine, whatever became of the administrators.
    let root = Cx { actor: Actor::root(), ..bench.cx.clone() };
    assert!(accounts::unlock(&root, id).await.unwrap());
    assert!(!accounts::unlock(&root, id).await.unwrap());
    enter(&bench, "bob", "builder-1", "10.0.1.1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_is_turned_away() {
    let bench = Bench::new().await;
    add(&bench, "bob", "builder-1").await;
    for n in 0..20 {
        assert!(is_wrong(&enter(&bench, &format!("user{n}"), "guess", "10.0.0.1").await));
    }
    let error = enter(&bench, "bob", "builder-1", "10.0.0.1").await.err().unwrap();
    assert!(matches!(error, EngineError::Auth(AuthError::TooMany { .. })), "{error}");
    enter(&bench, "bob", "builder-1", "10.0.0.2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_must_be_changed_and_ends_sessions() {
    let bench = Bench::new().await;
    let id = add(&bench, "bob", "builder-1").await;
    let opened = enter(&bench, "bob", "builder-1", "::1").await.unwrap();
    let new = Reset { password: "builder-2".to_owned(), must_change: true, ..Reset::default() };
    passwords::reset(&bench.cx, id, new).await.unwrap();
    let now = bench.engine.clock.now();
    assert!(session::resolve(&bench.engine.db, now, &opened.secret, View::User).await.is_err());
    assert!(is_wrong(&enter(&bench, "bob", "builder-1", "::1").await));
    assert_eq!(why(enter(&bench, "bob", "builder-2", "::1").await), NotNow::MustChange);

    let change =
        |present: &'static str, new: &'static str| passwords::change(&bench.engine, "bob", present, new, "::1");
    let refused = |error: EngineError| match error {
        EngineError::Invalid(wrong) => wrong.into_iter().map(|w| w.problem).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    assert!(matches!(change("builder-9", "builder-3").await.unwrap_err(), EngineError::Auth(AuthError::WrongPassword)));
    assert_eq!(refused(change("builder-2", "b-3").await.unwrap_err()), [Problem::TooShort { length: 3, min: 6 }]);
    for former in ["builder-1", "builder-2"] {
        assert_eq!(refused(change("builder-2", former).await.unwrap_err()), [Problem::UsedBefore]);
    }
    change("builder-2", "builder-3").await.unwrap();
    enter(&bench, "bob", "builder-3", "::1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_its_times_and_the_settings_hold() {
    let bench = Bench::new().await;
    let id = add(&bench, "bob", "builder-1").await;
    let now = bench.engine.clock.now();
    let (past, future) = (Some(Some(now - Duration::HOUR)), Some(Some(now + Duration::HOUR)));
    for (edit, expected) in [
        (Edit { disabled: Some(true), ..Edit::default() }, NotNow::Disabled),
        (Edit { disabled: Some(false), valid_from: future, ..Edit::default() }, NotNow::NotYet),
        (Edit { valid_from: Some(None), valid_to: past, ..Edit::default() }, NotNow::Expired),
        (Edit { valid_to: Some(None), login_hours: "0".repeat(336).parse().ok(), ..Edit::default() }, NotNow::Hours),
        (Edit { login_hours: "".parse().ok(), password_valid_to: past, ..Edit::default() }, NotNow::MustChange),
    ] {
        accounts::edit(&bench.cx, id, edit).await.unwrap();
        assert_eq!(why(enter(&bench, "bob", "builder-1", "::1").await), expected);
        assert!(is_wrong(&enter(&bench, "bob", "wrong", "::1").await), "who does not know it hears nothing more");
        accounts::unlock(&bench.cx, id).await.unwrap();
    }
    let set = |name: &str, value: &str| settings::set(&bench.cx, vec![(name.to_owned(), value.to_owned())]);
    set("ALLOW_EXPIRED_PASSWORD_CHANGE", "0").await.unwrap();
    assert_eq!(why(enter(&bench, "bob", "builder-1", "::1").await), NotNow::PasswordExpired);
    set("MIN_LENGTH", "20").await.unwrap();
    let short = NewUser { user_name: "eve".to_owned(), password: Some("builder-1".to_owned()), ..NewUser::default() };
    assert!(matches!(users::add(&bench.cx, short).await.unwrap_err(), EngineError::Invalid(_)));
    assert!(set("MIN_LENGTH", "-1").await.is_err());
    assert_eq!(settings::get(&bench.cx).await.unwrap().min_length, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_role_is_its_members_through_other_groups_too() {
    let bench = Bench::new().await;
    add(&bench, "bob", "builder-1").await;
    let staff = groups::add(&bench.cx, "staff", "").await.unwrap();
    groups::add(&bench.cx, "admins", "who may").await.unwrap();
    let user = || Member::User("bob".to_owned());
    let group = |name: &str| Member::Group(name.to_owned());
    groups::add_member(&bench.cx, "admins", user()).await.unwrap();
    groups::add_member(&bench.cx, "staff", group("admins")).await.unwrap();
    let circle = groups::add_member(&bench.cx, "admins", group("staff")).await.unwrap_err();
    assert!(matches!(circle, EngineError::Conflict(Conflict::GroupInItself { .. })), "{circle}");
    let twice = groups::add_member(&bench.cx, "admins", user()).await.unwrap_err();
    assert!(matches!(twice, EngineError::Conflict(Conflict::MemberAlready { .. })), "{twice}");

    assert!(!enter(&bench, "bob", "builder-1", "::1").await.unwrap().actor.is_admin);
    permissions::grant(&bench.cx, SUPER_USER, staff.into(), ObjectKind::System, SYSTEM).await.unwrap();
    assert!(enter(&bench, "bob", "builder-1", "::1").await.unwrap().actor.is_admin);
    groups::remove_member(&bench.cx, "admins", user()).await.unwrap();
    assert!(!enter(&bench, "bob", "builder-1", "::1").await.unwrap().actor.is_admin);
    groups::remove(&bench.cx, "staff").await.unwrap();
    assert!(permissions::of(&bench.cx, staff.into()).await.unwrap().is_empty(), "its permissions are gone");
}
