//! A lesson: a teacher and two students before real guests, in Chromium.

use crate::api::{Api, eventually, id_of};
use crate::browser::{changed, guest_is_there, mark, pictures, typing_changes_the_screen, was_not_reloaded};
use crate::chromium::Browser;
use crate::portal::{Portal, between};
use crate::server::{Server, Start};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const PASSWORD: &str = "Secret-4-Class";

async fn is_gone(browser: &Browser, css: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while browser.has(css).await {
        assert!(Instant::now() < end, "{css} never goes: {}", browser.text("body").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn person(boss: &Portal, admin: &Api, name: &str, first: &str, last: &str, role: &str, pool: &str) {
    let form = [("user_name", name), ("password", PASSWORD), ("first_name", first), ("last_name", last), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    let named = |list: &Value, one: &str, key: &str, name: &str| {
        list[one].as_array().unwrap().iter().find(|o| o[key] == name).map(id_of).unwrap()
    };
    let role = named(&admin.get("/roles").await.1, "role", "name", role);
    let user = named(&admin.get("/users").await.1, "user", "principal", name);
    let grant = [("role", role.as_str()), ("principal", &user), ("kind", "vm_pool"), ("object", pool)];
    assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
}

/// What a tile shows, as a sum over its pixels; 0: nothing yet.
async fn tile(browser: &Browser, student: &str) -> u64 {
    let script = format!(
        "const canvas = document.querySelector('[data-student=\"{student}@internal\"] canvas[data-screen]'); \
         if (!canvas?.width) return 0; \
         const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; \
         let n = 0; for (let i = 0; i < d.length; i += 4) n = (n * 31 + d[i] + d[i + 1]) % 1000000007; return n"
    );
    browser.run(&script).await.as_u64().unwrap()
}

async fn tile_changes(browser: &Browser, student: &str) {
    let (end, mut seen) = (Instant::now() + Duration::from_secs(90), std::collections::BTreeSet::from([0]));
    // Nothing, and then two pictures that differ.
    while seen.len() < 3 {
        assert!(Instant::now() < end, "the picture of {student} does not move: {seen:?}");
        seen.insert(tile(browser, student).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Speaks VNC as the console of a teacher does, and types ten letters; how many bytes of pictures came.
async fn types_by_hand(server: &Server, teacher: &Portal, vm: &str, entry: &str) {
    let (code, issued) = teacher.post(&format!("/console/{vm}/ticket"), &[("entry", entry)]).await;
    assert_eq!(code, 200, "{issued}");
    let ticket = between(&issued, "\"ticket\":\"", "\"").unwrap();
    let mut socket = crate::consoles::open(server, vm, &ticket, None).await.unwrap();
    assert!(crate::consoles::greeting(&mut socket).await.starts_with("RFB"));
    for said in [b"RFB 003.008\n".to_vec(), vec![1], vec![1]] {
        socket.send(Message::binary(said)).await.unwrap();
        socket.next().await.unwrap().unwrap();
    }
    for _ in 0..10 {
        for down in [1, 0] {
            socket.send(Message::binary(vec![4, down, 0, 0, 0, 0, 0, b'w'])).await.unwrap();
        }
    }
    // A click, too: the filter knows more than keys.
    socket.send(Message::binary(vec![5, 1, 0, 9, 0, 9])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    socket.close(None).await.unwrap();
}

struct Lesson {
    server: Server,
    admin: Api,
    pool: String,
    hers: Browser,
    his: Browser,
    teacher: Browser,
    by_hand: Portal,
    /// Alice's VM and Bob's.
    vms: [String; 2],
}

async fn lesson(start: &Start<'_>) -> Lesson {
    let server = Server::start(start);
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let pool = id_of(&admin.get("/vmpools").await.1["vm_pool"][0]);
    person(&boss, &admin, "bob", "Bob", "Builder", "UserRole", &pool).await;
    person(&boss, &admin, "tina", "Tina", "Taylor", "TeacherRole", &pool).await;
    let by_hand = Portal::sign_in(&server, "tina@internal", PASSWORD).await;
    let (hers, his, teacher) =
        (Browser::start(&server).await, Browser::start(&server).await, Browser::start(&server).await);
    teacher.sign_in("tina@internal", PASSWORD).await;
    teacher.click("a[href='/user/class']").await;
    teacher.arrives("/class").await;
    teacher.says("main", "Nobody has a VM of this class").await;
    mark(&teacher).await;
    let mut vms = Vec::new();
    for (browser, user, password) in
        [(&hers, "alice@internal", server.password("alice")), (&his, "bob@internal", PASSWORD.to_owned())]
    {
        browser.sign_in(user, &password).await;
        browser.click("article[data-pool] button").await;
        browser.arrives("/console").await;
        let path = browser.path().await;
        vms.push(path.split('/').nth(3).unwrap().to_owned());
    }
    let vms = [vms[0].clone(), vms[1].clone()];
    Lesson { server, admin, pool, hers, his, teacher, by_hand, vms }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_with_two_students() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Start { demo: true, without_iso: true, port: Some(port), ..Start::default() };
    let mut lesson = lesson(&start).await;
    screens_are_seen(&lesson).await;
    told_and_given(&lesson).await;
    watched_and_helped(&lesson).await;
    lesson = locked_over_a_crash(lesson, &start).await;
    reset_and_fresh(&lesson).await;
    lesson.hers.quit().await;
    lesson.his.quit().await;
    lesson.teacher.quit().await;
}

async fn screens_are_seen(lesson: &Lesson) {
    let Lesson { admin, hers, his, teacher, vms, .. } = lesson;
    guest_is_there(hers, admin, &vms[0]).await;
    his.go("/user").await;
    admin.wait(&vms[1], "up").await;
    for student in ["alice", "bob"] {
        tile_changes(teacher, student).await;
    }
    was_not_reloaded(teacher).await;
    teacher.says("main", "Bob Builder").await;
    teacher.says(".vireo-heading", "2 taken").await;
    let wrong = teacher.axe().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    teacher.screenshot(&pictures().join("class.png")).await;
    // Sixty tiles are to be cheap: a small picture is a few KiB, and is not sent again while it is the same.
    let address = format!("/user/pools/{}/class/vms/{}/screen.jpg", lesson.pool, vms[1]);
    let script = format!(
        "const done = arguments[0]; fetch('{address}').then(async (a) => done([a.status, (await a.arrayBuffer()).byteLength]))"
    );
    let small = teacher.driver.execute_async(script, vec![]).await.unwrap().json().clone();
    assert!(small[0] == 200 && small[1].as_u64().is_some_and(|bytes| (500..20_000).contains(&bytes)), "{small}");
    // Nobody else has the class.
    for (browser, vm) in [(hers, &vms[1]), (his, &vms[1])] {
        let class = format!("/user/pools/{}/class", lesson.pool);
        let paths = [
            class.clone(),
            format!("{class}/tell"),
            format!("{class}/vms/{vm}/screen.jpg"),
            format!("{class}/vms/{vm}/watch"),
        ];
        for path in paths {
            let script = format!("const done = arguments[0]; fetch('{path}').then((a) => done(a.status))");
            let code = browser.driver.execute_async(script, vec![]).await.unwrap().json().clone();
            assert_eq!(code, json!(403), "{path}");
        }
    }

    // A hand goes up, and down again.
    hers.click("#hand button").await;
    teacher.find("[data-student='alice@internal'] [data-hand]").await;
    hers.says("#hand", "Take the hand down").await;
    teacher.click("[data-student='alice@internal'] [data-hand] button").await;
    is_gone(teacher, "[data-hand]").await;
    hers.says("#hand", "Ask for help").await;
}

async fn told_and_given(lesson: &Lesson) {
    let Lesson { hers, his, teacher, .. } = lesson;
    mark(hers).await;
    let tell = format!("/user/pools/{}/class/tell", lesson.pool);
    teacher.go(&tell).await;
    teacher.fill("#field-tell", "Open page 12, please").await;
    teacher.click("#class-tell button").await;
    for browser in [hers, his] {
        browser.says("#notices", "Open page 12, please").await;
        browser.says("#notices", "From Tina Taylor").await;
    }
    assert!(his.axe().await.is_empty(), "{:?}", his.axe().await);
    hers.screenshot(&pictures().join("class-told.png")).await;
    hers.click("#notices [data-gift=message] button").await;
    is_gone(hers, "#notices [data-gift=message]").await;
    assert!(his.has("#notices [data-gift=message]").await, "put away by one only");

    teacher.fill("#field-link", "https://evil@example.com/").await;
    teacher.click("#class-link button").await;
    teacher.says("[role=alert]", "is not the address of a web page").await;
    teacher.fill("#field-link", "https://example.com/lesson").await;
    teacher.click("#class-link button").await;
    let link = hers.find("#notices [data-gift=link] a").await;
    assert_eq!(link.attr("href").await.unwrap().as_deref(), Some("https://example.com/lesson"));
    assert_eq!(link.attr("rel").await.unwrap().as_deref(), Some("noopener noreferrer"));

    // A file larger than one piece, whose first line is what counts.
    let file = lesson.server.data.join("task.txt");
    std::fs::write(&file, format!("file-has-come\n{}", "x".repeat(100_000))).unwrap();
    teacher.find("#field-file").await.send_keys(file.to_str().unwrap()).await.unwrap();
    teacher.click("#class-file button").await;
    let end = Instant::now() + Duration::from_secs(150);
    while !teacher.has("[data-gift=file] [data-delivered='2']").await {
        assert!(Instant::now() < end, "the file is not in both guests: {}", teacher.text("main").await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    hers.says("#notices [data-gift=file]", "/srv/class/task.txt").await;
    let wrong = teacher.axe().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    teacher.screenshot(&pictures().join("class-given.png")).await;
    let fetched = "const done = arguments[0]; fetch(document.querySelector('#notices [data-gift=file] a').href) \
        .then(async (a) => done([a.status, a.headers.get('content-disposition'), (await a.text()).length]))";
    let fetched = his.driver.execute_async(fetched, vec![]).await.unwrap().json().clone();
    assert_eq!(fetched, json!([200, "attachment; filename*=UTF-8''task.txt", 100_014]));
    was_not_reloaded(hers).await;
}

async fn watched_and_helped(lesson: &Lesson) {
    let Lesson { server, admin, hers, teacher, by_hand, vms, .. } = lesson;
    let of = format!("/user/pools/{}/class/vms/{}", lesson.pool, vms[0]);
    teacher.go(&format!("{of}/watch")).await;
    guest_is_there(teacher, admin, &vms[0]).await;
    hers.says("#notices", "Tina Taylor watches this screen").await;
    assert!(teacher.axe().await.is_empty(), "{:?}", teacher.axe().await);
    changed(teacher).await;
    typing_changes_the_screen(hers, "she types").await;
    assert!(changed(teacher).await > 50, "he sees what she types");
    // What a watcher types goes nowhere, even if his script sends it; what a helper types arrives.
    changed(hers).await;
    types_by_hand(server, by_hand, &vms[0], "watch").await;
    assert!(changed(hers).await < 64, "a watcher's keys were not dropped");
    types_by_hand(server, by_hand, &vms[0], "help").await;
    assert!(changed(hers).await > 100, "a helper's keys were dropped");

    teacher.go(&format!("{of}/help")).await;
    guest_is_there(teacher, admin, &vms[0]).await;
    hers.says("#notices", "Tina Taylor helps at this screen").await;
    let typed = "\nhostname $(head -n 1 /srv/class/task.txt)\n";
    teacher.find("#screen canvas").await.send_keys(typed).await.unwrap();
    eventually("the guest has read the file", || async {
        admin.get(&format!("/vms/{}", vms[0])).await.1["fqdn"] == "file-has-come"
    })
    .await;
}

async fn locked_over_a_crash(lesson: Lesson, start: &Start<'_>) -> Lesson {
    let Lesson { server, pool, hers, his, teacher, by_hand, vms, .. } = lesson;
    let class = format!("/user/pools/{pool}/class");
    mark(&hers).await;
    teacher.go(&class).await;
    teacher.click(&format!("form[action='{class}/lock'] button")).await;
    hers.says("#console-locked:not([hidden])", "Your teacher has locked the screens").await;
    assert!(!hers.has("#screen canvas").await, "nothing of the screen is left");
    hers.screenshot(&pictures().join("class-locked.png")).await;
    his.says("main", "locked the screen of").await;
    // A script of hers gets no further than her page.
    let paths = format!(
        "const done = arguments[0]; const csrf = document.querySelector('meta[name=csrf-token]').content; \
         Promise.all([fetch('/console/{0}/ticket', {{ method: 'POST', headers: {{ 'X-CSRF-Token': csrf }} }}), \
         fetch('/user/vms/{0}/screenshot.png')]).then((all) => done(all.map((a) => a.status)))",
        vms[0]
    );
    let codes = hers.driver.execute_async(paths.clone(), vec![]).await.unwrap().json().clone();
    assert_eq!(codes, json!([409, 409]));

    let data = server.kill();
    let server = Server::spawn(data, start).ready();
    let codes = hers.driver.execute_async(paths, vec![]).await.unwrap().json().clone();
    assert_eq!(codes, json!([409, 409]), "kept over a crash");
    assert!(hers.has("#console-locked:not([hidden])").await);
    let by_hand = by_hand.at(&server);
    assert_eq!(by_hand.post(&format!("{class}/unlock"), &[]).await.0, 303);
    let admin = server.admin();
    guest_is_there(&hers, &admin, &vms[0]).await;
    assert!(!hers.has("#console-locked:not([hidden])").await);
    typing_changes_the_screen(&hers, "free again").await;
    was_not_reloaded(&hers).await;
    Lesson { server, admin, pool, hers, his, teacher, by_hand, vms }
}

async fn reset_and_fresh(lesson: &Lesson) {
    let Lesson { admin, teacher, vms, pool, .. } = lesson;
    let class = format!("/user/pools/{pool}/class");
    teacher.go(&class).await;
    teacher.click(&format!("a[href$='{}/confirm/reset']", vms[0])).await;
    teacher.says("main", "Reset VM").await;
    teacher.click("form[action$='/reset'] button").await;
    eventually("the guest starts anew", || async {
        let said = admin.messages().await;
        said.iter().any(|text| text.contains("was reset by tina@internal"))
    })
    .await;
    admin.wait(&vms[0], "up").await;
    teacher.go(&class).await;
    teacher.click(&format!("a[href$='{}/confirm/fresh']", vms[1])).await;
    teacher.says("main", "goes back to the pool").await;
    teacher.click("form[action$='/fresh'] button").await;
    is_gone(teacher, "[data-student='bob@internal']").await;
    teacher.says(".vireo-heading", "1 taken").await;
    teacher.size(390, 844).await;
    let wide = teacher.run("return document.documentElement.scrollWidth <= innerWidth").await;
    assert_eq!(wide, Value::Bool(true), "it fits a phone");
    // The lesson is over: nothing of it is left on her page.
    teacher.click(&format!("a[href='{class}/confirm/end']")).await;
    teacher.click("form[action$='/end'] button").await;
    is_gone(&lesson.hers, "#notices [data-gift]").await;
}
