//! What `--demo` adds: a template, a pool of desktops, a user. Each piece is looked for before it is made.

use super::{Failure, files};
use crate::engine::disks::{self, NewUpload};
use crate::engine::jobs;
use crate::engine::templates::{self, NewTemplate};
use crate::engine::users::{self, NewUser};
use crate::engine::{Cx, Engine, bootstrap, catalog, pools};
use crate::model::disk::{DiskContent, DiskFormat};
use crate::model::ids::{DiskId, TemplateId};
use crate::model::job::JobStatus;
use crate::model::page::ListQuery;
use crate::model::pool::{NewPool, PoolKind};
use crate::model::vm::{BootDevice, Display, Hardware};
use crate::model::vm_settings::VmSettings;
use futures_util::StreamExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::AsyncBufReadExt as _;

const TEMPLATE: &str = "demo-linux";
const POOL: &str = "desktops";
const USER: &str = "alice";
/// What the demo guest needs.
const MEMORY_MIB: u64 = 192;
/// Builds the disk from Debian packages; kept in the program so that it can stand alone.
const BUILD_IMAGE: &str = include_str!("../../demo/build-image.sh");

/// Makes what is missing.
pub async fn ensure(
    engine: &Arc<Engine>,
    data: &Path,
    image: Option<&Path>,
    iso: Option<&Path>,
) -> Result<(), Failure> {
    let cx = bootstrap::administrator(engine).await.map_err(|e| Failure::of(&e))?;
    let template = match find_template(&cx).await? {
        Some(id) => id,
        None => make_template(&cx, data, image).await?,
    };
    if let Some(iso) = iso {
        ensure_iso(&cx, iso).await?;
    }
    ensure_pool(&cx, template).await?;
    let user = match bootstrap::user(engine, USER).await.map_err(|e| Failure::of(&e))? {
        Some(id) => id,
        None => {
            let password = files::password(&data.join("alice-password"))?;
            let new = NewUser {
                user_name: USER.to_owned(),
                password: Some(password),
                first_name: "Alice".to_owned(),
                ..NewUser::default()
            };
            users::add(&cx, new).await.map_err(|e| Failure::of(&e))?
        }
    };
    bootstrap::let_take(engine, user, POOL).await.map_err(|e| Failure::of(&e))?;
    println!("Demo: alice@internal may take a desktop; her password is in {}.", data.join("alice-password").display());
    Ok(())
}

fn everything() -> ListQuery {
    ListQuery { max: u32::MAX, ..ListQuery::default() }
}

async fn find_template(cx: &Cx) -> Result<Option<TemplateId>, Failure> {
    let all = catalog::templates(cx, &everything()).await.map_err(|e| Failure::of(&e))?;
    Ok(all.rows.iter().find(|t| t.name == TEMPLATE).map(|t| t.id))
}

async fn make_template(cx: &Cx, data: &Path, image: Option<&Path>) -> Result<TemplateId, Failure> {
    let file = match image {
        Some(file) => file.to_owned(),
        None => build_image(data).await?,
    };
    println!("Demo: taking the disk into the storage …");
    let disk = match find_disk(cx, TEMPLATE).await? {
        Some(id) => id,
        None => upload(cx, &file, TEMPLATE, DiskContent::Data, DiskFormat::Cow).await?,
    };
    let new = NewTemplate {
        name: TEMPLATE.to_owned(),
        description: "A small Linux to try Vireo with".to_owned(),
        cluster: None,
        disk,
        os: "other_linux".to_owned(),
        hardware: Hardware {
            memory_mib: MEMORY_MIB,
            max_memory_mib: 1024,
            guaranteed_memory_mib: MEMORY_MIB,
            sockets: 1,
            cores: 1,
            threads: 1,
            display: Display::Vnc,
            boot: vec![BootDevice::Disk],
            settings: VmSettings::default(),
        },
    };
    templates::create(cx, new).await.map_err(|e| Failure::of(&e))
}

async fn find_disk(cx: &Cx, alias: &str) -> Result<Option<DiskId>, Failure> {
    let all = disks::list(cx, &everything()).await.map_err(|e| Failure::of(&e))?;
    let whole = |d: &&crate::model::disk::DiskView| d.alias == alias && d.status == crate::model::disk::DiskStatus::Ok;
    Ok(all.rows.iter().find(whole).map(|d| d.id))
}

async fn upload(
    cx: &Cx,
    file: &Path,
    alias: &str,
    content: DiskContent,
    format: DiskFormat,
) -> Result<DiskId, Failure> {
    let failed = |e: std::io::Error| Failure(format!("{}: {e}", file.display()));
    let open = tokio::fs::File::open(file).await.map_err(failed)?;
    let bytes = open.metadata().await.map_err(failed)?.len();
    let body = tokio_util::io::ReaderStream::with_capacity(open, 256 * 1024).boxed();
    let new = NewUpload {
        alias: alias.to_owned(),
        description: String::new(),
        content,
        format,
        bytes,
        storage_domain: None,
        quota: None,
    };
    disks::upload(cx, new, body).await.map_err(|e| Failure::of(&e))
}

async fn ensure_iso(cx: &Cx, iso: &Path) -> Result<(), Failure> {
    let name = iso.file_name().map_or_else(|| "demo.iso".to_owned(), |n| n.to_string_lossy().into_owned());
    if find_disk(cx, &name).await?.is_none() {
        upload(cx, iso, &name, DiskContent::Iso, DiskFormat::Raw).await?;
    }
    Ok(())
}

async fn ensure_pool(cx: &Cx, template: TemplateId) -> Result<(), Failure> {
    let all = pools::list(cx, &everything()).await.map_err(|e| Failure::of(&e))?;
    if all.rows.iter().any(|p| p.name == POOL) {
        return Ok(());
    }
    println!("Demo: making the pool {POOL} …");
    let new = NewPool {
        use_latest: false,
        quota: None,
        name: POOL.to_owned(),
        description: "Five desktops to take and give back".to_owned(),
        comment: String::new(),
        cluster: None,
        template,
        size: 5,
        prestarted: 0,
        max_user_vms: 1,
        kind: PoolKind::Automatic,
        stateful: false,
        instant_start: false,
    };
    let made = pools::create(cx, new).await.map_err(|e| Failure::of(&e))?;
    let job = jobs::wait(&cx.engine, made.job).await.map_err(|e| Failure::of(&e))?;
    if job.status == JobStatus::Finished { Ok(()) } else { Err(Failure(job.error)) }
}

/// Runs the script that builds the disk, showing what it says.
async fn build_image(data: &Path) -> Result<PathBuf, Failure> {
    let dir = data.join("demo");
    std::fs::create_dir_all(&dir).map_err(|e| Failure::of(&e))?;
    let image = dir.join("demo-linux.qcow2");
    if image.exists() {
        return Ok(image);
    }
    println!("Demo: building the disk from Debian packages (once, about a minute) …");
    let script = dir.join("build-image.sh");
    std::fs::write(&script, BUILD_IMAGE).map_err(|e| Failure::of(&e))?;
    let mut child = tokio::process::Command::new("sh")
        .arg(&script)
        .arg(&image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Failure::of(&e))?;
    if let Some(out) = child.stdout.take() {
        let mut lines = tokio::io::BufReader::new(out).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            println!("  {line}");
        }
    }
    let status = child.wait().await.map_err(|e| Failure::of(&e))?;
    if status.success() {
        Ok(image)
    } else {
        Err(Failure("the demo disk could not be built; see the messages above".to_owned()))
    }
}
