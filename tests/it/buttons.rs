//! The portals show what somebody may do, and nothing else: several roles look at the same pages, and every button is compared with what
//! the command behind it answers. What each role is shown is kept in tests/golden/buttons.txt (`VIREO_BLESS=1` writes it anew).

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// What is the same for all.
struct World {
    cluster: String,
    host: String,
    center: String,
    network: String,
    domain: String,
    template: String,
    pool: String,
    role: String,
}

fn named(list: &Value, one: &str, name: &str) -> String {
    let all = list[one].as_array().unwrap();
    all.iter()
        .find(|o| o["name"] == name || o["principal"] == name)
        .map(id_of)
        .unwrap_or_else(|| panic!("no {name} in {list}"))
}

impl World {
    async fn of(admin: &Api) -> Self {
        let get = |path: &'static str, one: &'static str| async move { id_of(&admin.get(path).await.1[one][0]) };
        let own = json!({"name": "own-role", "permits": {"permit": [{"name": "run_vm"}]}});
        let (code, role) = admin.post("/roles", own).await;
        assert_eq!(code, 201, "{role}");
        let templates = admin.get("/templates").await.1;
        let all = templates["template"].as_array().unwrap();
        Self {
            cluster: get("/clusters", "cluster").await,
            host: get("/hosts", "host").await,
            center: get("/datacenters", "data_center").await,
            network: get("/networks", "network").await,
            domain: get("/storagedomains", "storage_domain").await,
            template: all.iter().find(|t| t["name"] != "Blank").map(id_of).unwrap(),
            pool: get("/vmpools", "vm_pool").await,
            role: id_of(&role),
        }
    }
}

/// A button: the page it stands on, its address, and how its command is tried.
struct Button {
    page: String,
    address: String,
    how: How,
}

enum How {
    Post(String, Vec<(&'static str, String)>),
    Get(String),
    Api(&'static str, String, Value),
}

impl Button {
    fn new(page: &str, address: &str, how: How) -> Self {
        Self { page: page.to_owned(), address: address.to_owned(), how }
    }
    /// A form that is tried with these fields.
    fn post(page: &str, address: &str, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        Self::new(page, address, How::Post(address.to_owned(), fields))
    }
}

/// All buttons; those that take something away come last. `vm`, `disk` and `victim` are this person's own.
fn buttons(w: &World, vm: &str, disk: &str, victim: &str) -> Vec<Button> {
    let (on_vm, on_role, on_user) =
        (format!("/admin/vms/{vm}"), format!("/admin/roles/{}", w.role), format!("/admin/users/{victim}"));
    let on_cluster = format!("/admin/clusters/{}", w.cluster);
    let blank = "00000000-0000-0000-0000-000000000000";
    let pool = [
        ("name", "a b"),
        ("template", blank),
        ("size", "1"),
        ("prestarted", "0"),
        ("max_user_vms", "1"),
        ("kind", "automatic"),
    ];
    let new_vm = json!({"name": "a b", "cluster": {"id": w.cluster}, "template": {"id": blank}});
    let pool_page = format!("/admin/pools/{}", w.pool);
    let edited = [("name", "a b"), ("size", "5"), ("prestarted", "0"), ("max_user_vms", "1")];
    let center_page = format!("/admin/data_centers/{}", w.center);
    let cluster_page = format!("/admin/clusters/{}", w.cluster);
    let host_page = format!("/admin/hosts/{}", w.host);
    let center = [("name", "a b"), ("compatibility", "4.1"), ("quota_mode", "disabled")];
    let cluster = [("name", "a b"), ("compatibility", "4.1"), ("data_center", w.center.as_str())];
    let upload = "/admin/disks/upload?alias=broken&content=iso&format=raw&bytes=10";
    let mut all = vec![
        Button::new("/admin/vms", "/admin/vms/new", How::Api("POST", "/vms".to_owned(), new_vm)),
        Button::post("/admin/pools", "/admin/pools/new", &pool),
        Button::post(&pool_page, &format!("{pool_page}/edit"), &edited),
        Button::new("/admin/disks", "/admin/disks/upload", How::Post(upload.to_owned(), Vec::new())),
        Button::post("/admin/data_centers", "/admin/data_centers/new", &center),
        Button::post(&center_page, &format!("{center_page}/edit"), &center),
        Button::post("/admin/clusters", "/admin/clusters/new", &cluster),
        Button::post(&cluster_page, &format!("{cluster_page}/edit"), &cluster),
        Button::post(&host_page, &format!("{host_page}/edit"), &[("name", "a b")]),
        Button::post("/admin/users", "/admin/users/new", &[("user_name", "")]),
        Button::post("/admin/roles", "/admin/roles/new", &[("name", ""), ("kind", "user")]),
        Button::post(&on_role, &format!("{on_role}/edit"), &[("name", "")]),
        Button::post("/admin/tags", "/admin/tags/new", &[("name", "a b"), ("parent", blank)]),
        Button::post(&on_vm, &format!("{on_vm}/tags"), &[]),
        Button::post(&host_page, &format!("{host_page}/tags"), &[]),
        Button::post(&on_user, &format!("{on_user}/tags"), &[]),
        Button::new(&on_vm, &format!("{on_vm}/edit"), How::Api("PUT", format!("/vms/{vm}"), json!({"name": "a b"}))),
        Button::post(&on_vm, &format!("{on_vm}/nics/new"), &[("name", "a b"), ("model", "virtio")]),
        Button::new(
            &on_vm,
            &format!("{on_vm}/disks/new"),
            How::Api(
                "POST",
                format!("/vms/{vm}/diskattachments"),
                json!({"disk": {"provisioned_size": 1 << 20, "alias": "more"}}),
            ),
        ),
        Button::new(
            &on_cluster,
            &format!("{on_cluster}/power"),
            How::Post(format!("{on_cluster}/power/calloff"), Vec::new()),
        ),
        Button::new(
            &on_cluster,
            &format!("{on_cluster}/upgrade"),
            How::Post(format!("{on_cluster}/upgrade/calloff"), Vec::new()),
        ),
        Button::post(&host_page, &format!("{host_page}/check_upgrade"), &[]),
        Button::new(&on_user, &format!("{on_user}/edit"), How::Get(format!("{on_user}/edit"))),
    ];
    let places = [
        (on_vm.clone(), "vm", vm.to_owned()),
        (format!("/admin/clusters/{}", w.cluster), "cluster", w.cluster.clone()),
        (format!("/admin/hosts/{}", w.host), "host", w.host.clone()),
        (format!("/admin/data_centers/{}", w.center), "data_center", w.center.clone()),
        (format!("/admin/networks/{}", w.network), "network", w.network.clone()),
        (format!("/admin/domains/{}", w.domain), "storage_domain", w.domain.clone()),
        (format!("/admin/templates/{}", w.template), "template", w.template.clone()),
        (format!("/admin/pools/{}", w.pool), "vm_pool", w.pool.clone()),
        (format!("/admin/disks/{disk}"), "disk", disk.to_owned()),
        ("/admin/permissions".to_owned(), "system", "aaa00000-0000-0000-0000-123456789aaa".to_owned()),
    ];
    for (page, kind, object) in places {
        let fields = vec![
            ("role", blank.to_owned()),
            ("principal", victim.to_owned()),
            ("kind", kind.to_owned()),
            ("object", object.clone()),
        ];
        let address = format!("/admin/permissions/add?kind={kind}&amp;object={object}");
        all.push(Button::new(&page, &address, How::Post("/admin/permissions".to_owned(), fields)));
    }
    let (template, pool) = (format!("/admin/templates/{}", w.template), format!("/admin/pools/{}", w.pool));
    for (page, address) in [
        // Something is in both: who may is told so.
        (&center_page, format!("{center_page}/remove")),
        (&cluster_page, format!("{cluster_page}/remove")),
        (&template, format!("{template}/remove")),
        (&pool, format!("{pool}/remove")),
        (&on_user, format!("{on_user}/remove")),
        (&format!("/admin/disks/{disk}"), format!("/admin/disks/{disk}/remove")),
        (&on_vm, format!("{on_vm}/remove")),
    ] {
        all.push(Button::post(page, &address, &[]));
    }
    all
}

async fn answers(how: &How, portal: &Portal, api: &Api) -> u16 {
    match how {
        How::Post(path, fields) => {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
            portal.post(path, &fields).await.0
        }
        How::Get(path) => portal.get(path).await.0,
        How::Api("PUT", path, document) => api.put(path, document.clone()).await.0,
        How::Api(_, path, document) => api.post(path, document.clone()).await.0,
    }
}

/// The words of an address without this run's ids.
fn plain(address: &str) -> String {
    let is_id = |part: &str| part.len() == 36 && part.matches('-').count() == 4;
    let parts =
        address.split(['/', '=', '&']).map(|part| if is_id(part) { "…" } else { part.trim_start_matches("amp;") });
    parts.collect::<Vec<_>>().join("/")
}

/// Where the navigation leads.
async fn sections(portal: &Portal) -> String {
    let (code, page) = portal.get("/admin").await;
    assert_eq!(code, 200);
    let nav = page.split("id=\"sidebar\"").nth(1).unwrap().split("</nav>").next().unwrap();
    let links: BTreeSet<&str> = nav.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in &links {
        assert_eq!(portal.get(link).await.0, 200, "{link} is in the navigation");
    }
    links.into_iter().map(|link| link.trim_start_matches("/admin/")).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_button_does_what_it_says_and_none_is_missing() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let world = World::of(&admin).await;
    let system = "aaa00000-0000-0000-0000-123456789aaa";
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for (title, kind, object) in [
        ("ReadOnlyAdmin", "system", system),
        ("ClusterAdmin", "cluster", &world.cluster),
        ("VmPoolAdmin", "cluster", &world.cluster),
        ("StorageAdmin", "storage_domain", &world.domain),
        ("TemplateAdmin", "data_center", &world.center),
        ("NetworkAdmin", "network", &world.network),
        ("DataCenterAdmin", "data_center", &world.center),
        ("SuperUser", "system", system),
    ] {
        let vm = admin.small_vm(&format!("vm-{title}")).await;
        let disk = id_of(&admin.get(&format!("/vms/{vm}/diskattachments")).await.1["disk_attachment"][0]);
        for name in [title.to_lowercase(), format!("victim-{}", title.to_lowercase())] {
            let form = [
                ("user_name", name.as_str()),
                ("password", "Secret-4-Walk"),
                ("first_name", ""),
                ("last_name", ""),
                ("email", ""),
            ];
            assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
        }
        let users = admin.get("/users").await.1;
        let (user, victim) = (
            named(&users, "user", &title.to_lowercase()),
            named(&users, "user", &format!("victim-{}", title.to_lowercase())),
        );
        let role = named(&admin.get("/roles").await.1, "role", title);
        let grant = [("role", role.as_str()), ("principal", &user), ("kind", kind), ("object", object)];
        assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303, "{title}");

        let name = format!("{}@internal", title.to_lowercase());
        let portal = Portal::sign_in(&server, &name, "Secret-4-Walk").await;
        let api = Api::new(&server.url, &name, "Secret-4-Walk", false);
        writeln!(table, "{title}: {}", sections(&portal).await).unwrap();
        for button in buttons(&world, &vm, &disk, &victim) {
            let (code, page) = portal.get(&button.page).await;
            let shown = code == 200 && page.contains(&format!("\"{}\"", button.address));
            let answer = answers(&button.how, &portal, &api).await;
            admin.nothing_is_locked().await;
            if shown == matches!(answer, 403 | 404) {
                wrong.push(format!(
                    "{title}: {} on {} ({code}): shown {shown}, answers {answer}",
                    button.address, button.page
                ));
            }
            if shown {
                writeln!(table, "{title}: {} on {}", plain(&button.address), plain(&button.page)).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/buttons.txt");
    if std::env::var("VIREO_BLESS").is_ok() {
        std::fs::write(&file, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), table);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_portal_offers_what_goes() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let world = World::of(&admin).await;
    let vm = admin.small_vm("desk").await;
    let (start, take) = (format!("/user/vms/{vm}/start"), format!("/user/pools/{}/take", world.pool));
    for (role, kind, object, starts, takes) in [
        ("UserRole", "vm", &vm, true, false),
        ("UserTemplateBasedVm", "vm", &vm, false, false),
        ("DiskOperator", "vm", &vm, false, false),
        ("UserRole", "vm_pool", &world.pool, false, true),
        ("DiskOperator", "vm_pool", &world.pool, false, false),
    ] {
        let name = format!("{}-{kind}", role.to_lowercase());
        let form = [
            ("user_name", name.as_str()),
            ("password", "Secret-4-Walk"),
            ("first_name", ""),
            ("last_name", ""),
            ("email", ""),
        ];
        assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
        let user = named(&admin.get("/users").await.1, "user", &name);
        let role_id = named(&admin.get("/roles").await.1, "role", role);
        let grant = [("role", role_id.as_str()), ("principal", &user), ("kind", kind), ("object", object)];
        assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
        let portal = Portal::sign_in(&server, &format!("{name}@internal"), "Secret-4-Walk").await;
        let (_, page) = portal.get("/user").await;
        for (address, expected) in [(&start, starts), (&take, takes)] {
            assert_eq!(page.contains(&format!("\"{address}\"")), expected, "{address} for {role} on {kind}");
            if !expected {
                let answer = portal.post(address, &[]).await.0;
                assert!(matches!(answer, 403 | 404), "{address} answers {role} on {kind} with {answer}");
            }
        }
    }
}
