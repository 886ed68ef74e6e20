//! Every dependency has a licence that lets Vireo be given away (the list is in deny.toml).

use std::path::Path;
use std::process::Command;

/// The list in deny.toml.
fn allowed() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let list = crate::portal::between(&text, "allow = [", "]").unwrap();
    list.split(',').map(|one| one.trim().trim_matches('"').to_owned()).filter(|one| !one.is_empty()).collect()
}

/// What may stand beside our scripts: each package as it is, in files of its own, so that the LGPL lets us.
const OF_PACKAGES: [&str; 5] = ["MIT", "MPL-2.0", "Apache-2.0", "0BSD", "LGPL-3.0-or-later"];

#[test]
fn every_licence_of_a_script_is_allowed_and_its_text_is_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = std::fs::read_to_string(root.join("package-lock.json")).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    let embedded = std::fs::read_to_string(root.join("src/web/assets.rs")).unwrap();
    for (path, package) in lock["packages"].as_object().unwrap() {
        let Some(name) = path.strip_prefix("node_modules/").filter(|_| package["dev"] != true) else { continue };
        let licence = package["license"].as_str().unwrap();
        assert!(OF_PACKAGES.contains(&licence), "{name}: {licence}");
        if licence.starts_with("LGPL") {
            assert!(embedded.contains(&format!("{name}/COPYING*")), "{name}: its licence's text is not given");
        }
    }
}

#[test]
fn every_licence_is_allowed() {
    // What is built here; what only other platforms need was never fetched.
    let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let allowed = allowed();
    let wrong: Vec<_> = packages
        .iter()
        .filter(|p| {
            let licence = p["license"].as_str().unwrap_or_default().replace('/', " OR ");
            // One of the alternatives must be allowed, with all that it joins.
            !licence
                .replace(['(', ')'], "")
                .split(" OR ")
                .any(|one| one.split(" AND ").all(|part| allowed.iter().any(|a| a == part.trim())))
        })
        .map(|p| format!("{} {}: {}", p["name"], p["version"], p["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
