//! Pictures of VMs and templates: what is taken, what is refused, and who sees them.

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;

const PASSWORD: &str = "Secret-4-Walk";

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let drawn = RgbImage::from_fn(width, height, |x, y| {
        Rgb([u8::try_from(x % 256).unwrap(), u8::try_from(y % 256).unwrap(), 90])
    });
    let mut out = Cursor::new(Vec::new());
    drawn.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn given(bytes: &[u8]) -> Value {
    json!({"large_icon": {"data": STANDARD.encode(bytes), "media_type": "image/png"}})
}

async fn icon(admin: &Api, vm: &str, size: &str) -> (String, String, Vec<u8>) {
    let id = id_of(&admin.get(&format!("/vms/{vm}")).await.1[size]);
    let (code, icon) = admin.get(&format!("/icons/{id}")).await;
    assert_eq!(code, 200, "{icon}");
    let data = STANDARD.decode(icon["data"].as_str().unwrap()).unwrap();
    (id, icon["media_type"].as_str().unwrap().to_owned(), data)
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_checked_shown_and_taken_away() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let vm = admin.small_vm("desk").await;
    let path = format!("/vms/{vm}");
    let (drawing, kind, drawn) = icon(&admin, &vm, "large_icon").await;
    assert!(kind == "image/svg+xml" && String::from_utf8(drawn).unwrap().contains("<svg"));

    // What is no picture, too large or pretends to be small.
    let mut bomb = picture(1, 1, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 117, 48, 0, 0, 117, 48]);
    let noise: Vec<u8> = picture(150, 120, ImageFormat::Png).into_iter().chain(vec![0; 25 << 10]).collect();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for bytes in [
        b"hello".to_vec(),
        svg,
        picture(151, 10, ImageFormat::Png),
        picture(10, 121, ImageFormat::Gif),
        bomb,
        noise,
        Vec::new(),
    ] {
        let (code, refused) = admin.put(&path, given(&bytes)).await;
        assert!(code == 400 && refused.to_string().contains("large_icon"), "{} bytes: {code} {refused}", bytes.len());
    }
    assert_eq!(icon(&admin, &vm, "large_icon").await.0, drawing, "nothing of that is kept");

    for (format, kind) in
        [(ImageFormat::Jpeg, "image/jpeg"), (ImageFormat::Gif, "image/gif"), (ImageFormat::Png, "image/png")]
    {
        let bytes = picture(150, 120, format);
        let (code, view) = admin.put(&path, given(&bytes)).await;
        assert_eq!(code, 200, "{view}");
        let (_, own, data) = icon(&admin, &vm, "large_icon").await;
        assert!(own == kind && data == bytes, "{own}");
        let (_, small, data) = icon(&admin, &vm, "small_icon").await;
        let read = image::load_from_memory_with_format(&data, ImageFormat::Png).unwrap();
        assert!(small == "image/png" && read.width() <= 46 && read.height() <= 38);
    }
    // Who sends a document back as it came changes nothing.
    let (_, view) = admin.get(&path).await;
    let (own, ..) = icon(&admin, &vm, "large_icon").await;
    assert_eq!(
        admin.put(&path, json!({"large_icon": view["large_icon"], "small_icon": view["small_icon"]})).await.0,
        200
    );
    assert_eq!(icon(&admin, &vm, "large_icon").await.0, own);

    // On pages; who does not see the VM does not see its picture.
    let (small, ..) = icon(&admin, &vm, "small_icon").await;
    for page in ["/admin/vms", "/user"] {
        assert!(boss.get(page).await.1.contains(&format!("/icons/{small}")) || page == "/user", "{page}");
    }
    assert_eq!(boss.status("GET", &format!("/icons/{own}")).await, 200);
    let form = [("user_name", "ulla"), ("password", PASSWORD), ("first_name", ""), ("last_name", ""), ("email", "")];
    assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
    let ulla = Portal::sign_in(&server, "ulla@internal", PASSWORD).await;
    assert_eq!(ulla.status("GET", &format!("/icons/{own}")).await, 404);
    assert_eq!(ulla.status("GET", &format!("/icons/{drawing}")).await, 200);
    assert_eq!(Portal::nobody(&server).status("GET", &format!("/icons/{own}")).await, 401);
    assert_eq!(ulla.post(&format!("/admin/vms/{vm}/icon"), &[("usual", "1")]).await.0, 403);

    // By the portal: a text that is none, the usual one, a template's for all that is made of it.
    let page = format!("/admin/vms/{vm}/icon");
    let (code, shown) = boss.post(&page, &[("data", "no base64!")]).await;
    assert!(code == 200 && shown.contains("is no PNG, JPEG or GIF"), "{code} {shown}");
    assert_eq!(boss.post(&page, &[("usual", "1")]).await.0, 303);
    assert_eq!(icon(&admin, &vm, "large_icon").await.0, drawing);
    let (_, templates) = admin.get("/templates").await;
    let demo = templates["template"].as_array().unwrap().iter().find(|t| t["name"] == "demo-linux").map(id_of).unwrap();
    let data = STANDARD.encode(picture(40, 30, ImageFormat::Png));
    assert_eq!(boss.post(&format!("/admin/templates/{demo}/icon"), &[("data", data.as_str())]).await.0, 303);
    let body = json!({"name": "child", "cluster": {"name": "Default"}, "template": {"id": demo}});
    let child = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&child, "down").await;
    assert_eq!(STANDARD.encode(icon(&admin, &child, "large_icon").await.2), data);
    // A template's by the API, as a VM's; nothing else of it is changed so.
    let other = picture(30, 40, ImageFormat::Gif);
    let path = format!("/templates/{demo}");
    let (code, view) = admin.put(&path, given(&other)).await;
    assert_eq!(code, 200, "{view}");
    assert_eq!(icon(&admin, &child, "large_icon").await.2, other);
    for (body, words) in [(given(b"hello"), "large_icon"), (json!({"name": "other"}), "name")] {
        let (code, refused) = admin.put(&path, body).await;
        assert!(code == 400 && refused.to_string().contains(words), "{code} {refused}");
    }
    assert_eq!(ulla.status("GET", &format!("/icons/{}", id_of(&view["large_icon"]))).await, 404);
    let (_, all) = admin.get("/icons").await;
    assert_eq!(all["icon"].as_array().map(Vec::len), Some(58), "28 systems' and the template's, in two sizes each");
}
