//! Style sheets, fonts and scripts, embedded; their addresses hold the program's version and may be kept for ever.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "node_modules/"]
#[include = "@patternfly/patternfly/patternfly.min.css"]
#[include = "@patternfly/patternfly/assets/fonts/RedHatText/RedHatTextVF.woff2"]
#[include = "@patternfly/patternfly/assets/fonts/RedHatDisplay/RedHatDisplayVF.woff2"]
#[include = "@patternfly/patternfly/assets/fonts/RedHatMono/RedHatMonoVF.woff2"]
#[include = "@patternfly/patternfly/assets/pficon/*.woff2"]
#[include = "@patternfly/patternfly/assets/fonts/webfonts/*.woff2"]
#[include = "@novnc/novnc/core/*"]
#[include = "@novnc/novnc/core/**/*"]
#[include = "@novnc/novnc/vendor/**/*"]
#[include = "@spice-project/spice-html5/src/*.js"]
#[include = "@spice-project/spice-html5/src/thirdparty/*.js"]
#[include = "@spice-project/spice-html5/COPYING*"]
#[include = "@xterm/xterm/lib/xterm.mjs"]
#[include = "@xterm/xterm/css/xterm.css"]
#[include = "@xterm/xterm/LICENSE"]
#[include = "@xterm/addon-fit/lib/addon-fit.mjs"]
struct Packages;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Own;

/// Changes with every file that changes: a new program never meets an old style sheet.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for name in Own::iter() {
        if let Some(file) = Own::get(&name) {
            hash.update(file.metadata.sha256_hash());
        }
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.iter().take(6).map(|b| format!("{b:02x}")).collect()
});

/// The address of one of our own files, or of a package's (`@novnc/novnc/core/rfb.js`).
pub fn asset(name: &str) -> String {
    format!("/static/{}/{name}", *VERSION)
}

/// `GET /static/{version}/{name}`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/static/{version}/{name:.*}", web::get().to(get));
}

async fn get(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (_, name) = path.into_inner();
    let Some(file) = Own::get(&name).or_else(|| Packages::get(&name)) else {
        return HttpResponse::NotFound().finish();
    };
    let tag =
        format!("\"{}\"", file.metadata.sha256_hash().iter().take(8).map(|b| format!("{b:02x}")).collect::<String>());
    if request.headers().get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(tag.as_str()) {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok()
        .content_type(file.metadata.mimetype())
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, tag))
        .body(file.data.into_owned())
}
