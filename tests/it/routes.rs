//! Every route × every kind of person. The routes are read off the sources, so that a new one cannot be forgotten; the answers are kept in
//! tests/golden/routes.txt (`VIREO_BLESS=1` writes it anew: read the difference).

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const API: &str = "/ovirt-engine/api";
/// Files whose paths are below the API's.
const API_FILES: [&str; 24] = [
    "api/networks.rs",
    "api/affinity.rs",
    "api/scheduling.rs",
    "api/clusters.rs",
    "api/data_centers.rs",
    "api/cluster_power.rs",
    "api/cluster_upgrade.rs",
    "api/guest.rs",
    "api/hosts.rs",
    "api/icons.rs",
    "api/instance_types.rs",
    "api/vms.rs",
    "api/devices.rs",
    "api/actions.rs",
    "api/collections.rs",
    "api/copies.rs",
    "api/domains.rs",
    "api/entry.rs",
    "api/permissions.rs",
    "api/pools.rs",
    "api/quotas.rs",
    "api/roles.rs",
    "api/snapshots.rs",
    "api/tags.rs",
];
/// Answer without a session, by nature.
const OPEN: [&str; 19] = [
    "GET /",
    "GET /ovirt-engine",
    "GET /ovirt-engine/",
    "GET /sign-in",
    "GET /sign-in/openid/{name}",
    "GET /sign-in/openid/{name}/callback",
    "POST /sign-in",
    "POST /sign-in/passkey",
    "POST /sign-in/passkey/options",
    "POST /password",
    "POST /hosts/join",
    "POST /sign-out",
    "GET /language",
    "GET /static/{version}/{name:.*}",
    "GET /ovirt-engine/services/health",
    "GET /ovirt-engine/services/pki-resource",
    "GET /ovirt-engine/sso/status",
    "POST /ovirt-engine/sso/oauth/revoke",
    "POST /ovirt-engine/services/sso-logout",
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    path: String,
    method: String,
}

/// All routes of the program.
fn routes() -> Vec<Route> {
    fn walk(dir: &Path, all: &mut Vec<Route>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, all);
            } else {
                read(&path, all);
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"), &mut all);
    all.sort_by_key(|r| (removes(r), r.clone()));
    all.dedup();
    all
}

/// These come last: they take away what the others are tried with.
fn removes(route: &Route) -> bool {
    // A disk that is detached is not below its VM any more.
    // A host in maintenance runs nothing that others are tried with.
    let takes_away = route.path == "/admin/hosts/{id}/deactivate"
        || (route.path.ends_with("/upgrade") && !route.path.contains("{action}"))
        || route.path.ends_with("/remove")
        || route.path.ends_with("/disks/{disk}/detach");
    route.method == "DELETE" || (route.method == "POST" && takes_away)
}

fn read(file: &Path, all: &mut Vec<Route>) {
    let text = std::fs::read_to_string(file).unwrap();
    let prefix = if API_FILES.iter().any(|f| file.ends_with(f)) { API } else { "" };
    let quoted = |rest: &str| rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next()).map(str::to_owned);
    for rest in text.split(".route(").skip(1) {
        // A macro's own pattern names no path.
        let Some(path) = quoted(rest) else { continue };
        let method = rest.split("web::").nth(1).unwrap().split('(').next().unwrap().to_uppercase();
        all.push(Route { path: format!("{prefix}{path}"), method });
    }
    for rest in text.split("permissions_of!(").skip(1) {
        let Some(path) = rest.trim_start().strip_prefix("config,").and_then(quoted) else { continue };
        for (ending, method) in [("", "GET"), ("", "POST"), ("/{permission}", "GET"), ("/{permission}", "DELETE")] {
            all.push(Route { path: format!("{API}{path}{ending}"), method: method.to_owned() });
        }
    }
    for rest in text.split("tags_of!(").skip(1) {
        let Some(path) = rest.trim_start().strip_prefix("config,").and_then(quoted) else { continue };
        for (ending, method) in [("", "GET"), ("", "POST"), ("/{tag}", "GET"), ("/{tag}", "DELETE")] {
            all.push(Route { path: format!("{API}{path}{ending}"), method: method.to_owned() });
        }
    }
    for rest in ["listed!(", "whole!(", "counted!("].into_iter().flat_map(|list| text.split(list).skip(1)) {
        let Some(path) = rest.trim_start().strip_prefix("config,").and_then(quoted) else { continue };
        for ending in ["", "/{id}"] {
            all.push(Route { path: format!("{API}/{path}{ending}"), method: "GET".to_owned() });
        }
    }
}

/// Ids to try the routes with, by the collection's name.
struct Ids(BTreeMap<&'static str, String>);

impl Ids {
    async fn of(admin: &Api, vm: &str) -> Self {
        let mut all = BTreeMap::new();
        for (noun, one, others) in [
            ("hosts", "host", vec![]),
            ("clusters", "cluster", vec![]),
            ("datacenters", "data_center", vec!["data_centers"]),
            ("storagedomains", "storage_domain", vec!["domains"]),
            ("networks", "network", vec![]),
            ("templates", "template", vec![]),
            ("vmpools", "vm_pool", vec!["pools"]),
            ("instancetypes", "instance_type", vec![]),
            ("vnicprofiles", "vnic_profile", vec![]),
            ("macpools", "mac_pool", vec![]),
            ("roles", "role", vec![]),
            ("groups", "group", vec![]),
            ("jobs", "job", vec![]),
            ("events", "event", vec![]),
            ("users", "user", vec![]),
            ("icons", "icon", vec![]),
        ] {
            let (_, list) = admin.get(&format!("/{noun}")).await;
            // Of events the first that was told: what is newest is a matter of moments.
            let told = list[one].as_array().unwrap();
            let id = id_of(if noun == "events" { told.last().unwrap() } else { &told[0] });
            for other in others {
                all.insert(other, id.clone());
            }
            all.insert(noun, id);
        }
        let (_, quotas) = admin.get(&format!("/datacenters/{}/quotas", all["datacenters"])).await;
        all.insert("quotas", id_of(&quotas["quota"][0]));
        let (_, disks) = admin.get(&format!("/vms/{vm}/diskattachments")).await;
        all.insert("disks", id_of(&disks["disk_attachment"][0]));
        all.insert("vms", vm.to_owned());
        Self(all)
    }

    fn fill(&self, path: &str) -> String {
        let mut filled = Vec::new();
        let mut noun = "";
        // In a cluster that is shut down nothing is left to be tried: there is no such cluster.
        let whole = ["/power/down", "/power/up", "/shutdown", "/start"].iter().any(|end| path.ends_with(end));
        let whole_cluster = whole && path.contains("/clusters/");
        for part in path.split('/') {
            let name = part.trim_matches(['{', '}']).split(':').next().unwrap();
            filled.push(match (part.starts_with('{'), name) {
                (false, _) => part.to_owned(),
                // Of a VM that is down: refused at once, and nothing changes.
                (true, "action") => "shutdown".to_owned(),
                (true, "console") => "564e43".to_owned(),
                (true, "version" | "name") => "none".to_owned(),
                (true, "vm") => self.0["vms"].clone(),
                (true, "disk") => self.0["disks"].clone(),
                (true, _) if whole_cluster => "00000000-0000-0000-0000-000000000001".to_owned(),
                (true, _) => {
                    self.0.get(noun).cloned().unwrap_or_else(|| "00000000-0000-0000-0000-000000000001".to_owned())
                }
            });
            noun = part;
        }
        filled.join("/")
    }
}

/// A kind of person: what is kept of him is one column.
struct Person {
    title: &'static str,
    portal: Portal,
    api: Option<Api>,
    ids: Ids,
}

async fn person(server: &Server, title: &'static str, role: Option<(&str, &str)>, own: bool) -> Person {
    let admin = server.admin();
    let boss = Portal::sign_in(server, "admin@internal", &server.password("admin")).await;
    let vm = admin.small_vm(&format!("vm-{title}")).await;
    let user = format!("u-{}", title.to_lowercase());
    let form = [
        ("user_name", user.as_str()),
        ("password", "Secret-4-Walk"),
        ("first_name", ""),
        ("last_name", ""),
        ("email", ""),
    ];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    if let Some((role, kind)) = role {
        let found = |list: &Value, one: &str, name: &str| {
            let all = list[one].as_array().unwrap().clone();
            all.iter()
                .find(|o| o["name"] == name || o["principal"] == name)
                .map(id_of)
                .unwrap_or_else(|| panic!("no {name} in {list}"))
        };
        let role = found(&admin.get("/roles").await.1, "role", role);
        let users = admin.get("/users").await.1;
        let principal = found(&users, "user", &user);
        let object = match kind {
            "vm" if own => vm.clone(),
            "vm" => admin.small_vm(&format!("other-{title}")).await,
            _ => id_of(&admin.get("/clusters").await.1["cluster"][0]),
        };
        let grant = [("role", role.as_str()), ("principal", &principal), ("kind", kind), ("object", &object)];
        assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
    }
    let name = format!("{user}@internal");
    let portal = Portal::sign_in(server, &name, "Secret-4-Walk").await;
    let api = Api::new(&server.url, &name, "Secret-4-Walk", false);
    Person { title, portal, api: Some(api), ids: Ids::of(&admin, &vm).await }
}

impl Person {
    /// What the API and the portal answer; the API in both views.
    async fn tries(&self, route: &Route) -> String {
        let path = self.ids.fill(&route.path);
        if route.path.starts_with(API) {
            let Some(api) = &self.api else { return self.portal.status(&route.method, &path).await.to_string() };
            let below = &path[API.len()..];
            let admin = api.status_only(&route.method, below).await;
            let user = if admin == 403 || route.method == "GET" {
                api.filtered().status_only(&route.method, below).await
            } else {
                admin
            };
            return if admin == user { admin.to_string() } else { format!("{admin}/{user}") };
        }
        self.portal.status(&route.method, &path).await.to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_with_every_role() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let nobody_vm = server.admin().small_vm("vm-nobody").await;
    let nobody = Person {
        title: "nobody",
        portal: Portal::nobody(&server),
        api: None,
        ids: Ids::of(&server.admin(), &nobody_vm).await,
    };
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let ids = Ids::of(&server.admin(), &server.admin().small_vm("vm-admin").await).await;
    let people = [
        nobody,
        person(&server, "no-role", None, true).await,
        person(&server, "UserRole-elsewhere", Some(("UserRole", "vm")), false).await,
        person(&server, "UserRole", Some(("UserRole", "vm")), true).await,
        person(&server, "UserVmManager", Some(("UserVmManager", "vm")), true).await,
        person(&server, "ClusterAdmin", Some(("ClusterAdmin", "cluster")), true).await,
        Person { title: "SuperUser", portal: boss, api: Some(server.admin()), ids },
    ];
    let routes = routes();
    assert!(routes.len() > 100, "the sources are read wrongly: {}", routes.len());
    let mut table = String::new();
    for route in &routes {
        let mut answers = Vec::new();
        for person in &people {
            // Signing out would end the walk.
            if route.path != "/sign-out" {
                answers.push(format!("{}={}", person.title, person.tries(route).await));
                if removes(route) {
                    server.admin().nothing_is_locked().await;
                }
            }
        }
        writeln!(table, "{} {}  {}", route.method, route.path, answers.join(" ")).unwrap();
        if !route.path.contains("sign-out") {
            rules(route, &answers);
        }
    }
    compare(&table);
}

/// What holds of every route, whatever the table says.
fn rules(route: &Route, answers: &[String]) {
    let name = format!("{} {}", route.method, route.path);
    let of = |n: usize| answers[n].split('=').nth(1).unwrap();
    for answer in answers {
        assert!(!answer.contains("=5") && !answer.contains("/5"), "{name} fails: {answers:?}");
    }
    if !OPEN.contains(&name.as_str()) {
        assert!(["401", "303", "400"].contains(&of(0)), "{name} answers nobody with {}", of(0));
    }
    if route.path.starts_with("/admin") {
        for answer in &answers[1..=4] {
            assert!(answer.ends_with("=403"), "{name}: {answer}");
        }
    }
}

fn compare(table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/routes.txt");
    if std::env::var("VIREO_BLESS").is_ok() {
        std::fs::write(&file, table).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    let differences: Vec<String> = table
        .lines()
        .filter(|l| !golden.lines().any(|g| g == *l))
        .map(|l| format!("+ {l}"))
        .chain(golden.lines().filter(|g| !table.lines().any(|l| l == *g)).map(|g| format!("- {g}")))
        .collect();
    assert!(differences.is_empty(), "tests/golden/routes.txt says otherwise:\n{}", differences.join("\n"));
}
