//! Putting a layer into the one below it: by QEMU itself while the guest runs, else by qemu-img.

use super::block_jobs;
use super::connection::Libvirt;
use super::domains::{find, is_active};
use super::error::{from_libvirt, refused};
use super::images::{self, alone};
use super::qemu_img::{info, limited, name_of, run};
use super::snapshots::same_file;
use super::storage::{check_path, disk_dir, image_file, space};
use super::xml::parse::{self, DomainDisk};
use crate::model::disk::DiskFormat;
use crate::wire::{ErrorCode, MergeImage, MergeState, RemoveImage, WireError};
use virt::connect::Connect;
use virt::domain::Domain;

type Answer<T> = Result<T, WireError>;

const MERGE_SECONDS: u64 = 6 * 3600;
const DONE: MergeState = MergeState { done: true, percent: 100 };

/// Begins the merge, tells how far it is, or ends it.
///
/// # Errors
/// No space, libvirt's, or a layer is gone.
pub async fn merge(libvirt: &Libvirt, request: MergeImage) -> Answer<MergeState> {
    check_path(&request.base.domain)?;
    let _alone = alone(image_file(&request.top)).await;
    let asked = request.clone();
    let state = match libvirt.with(move |connection| live(connection, &asked)).await? {
        Some(state) => state,
        None => cold(&request).await?,
    };
    if state.done {
        // Gone: whoever asks again sees by that that it is done.
        images::remove(RemoveImage { image: request.top }).await?;
    }
    Ok(state)
}

/// By QEMU; none: no guest runs on these layers.
fn live(connection: &Connect, request: &MergeImage) -> Answer<Option<MergeState>> {
    let failed = |e| from_libvirt(&format!("merging layers of VM {}", request.vm), &e);
    let Some(domain) = find(connection, request.vm)? else { return Ok(None) };
    let disks = parse::disks(&domain.xml_desc(0).map_err(failed)?);
    let Some(disk) = disks.iter().find(|disk| disk.is(request.base.disk)) else { return Ok(None) };
    if !is_active(&domain)? {
        // Switched over before it ended: the layer above holds nothing that the one below has not, and is older.
        let base = image_file(&request.base);
        let over = request.above.is_none() && disk.chain.first().is_some_and(|layer| same_file(&layer.file, &base));
        return Ok(over.then_some(DONE));
    }
    match block_jobs::job(&domain, &disk.target).map_err(failed)? {
        Some(job) if job.is_ready() => {
            block_jobs::pivot(&domain, &disk.target).map_err(failed)?;
            Ok(Some(DONE))
        }
        Some(job) => Ok(Some(MergeState { done: false, percent: job.percent() })),
        None => begin(&domain, disk, request).map(Some),
    }
}

fn begin(domain: &Domain, disk: &DomainDisk, request: &MergeImage) -> Answer<MergeState> {
    let place = |file: std::path::PathBuf| disk.chain.iter().position(|layer| same_file(&layer.file, &file));
    let gone = || refused(ErrorCode::WrongState, format!("VM {} runs on other layers", request.vm));
    let base = place(image_file(&request.base)).ok_or_else(gone)?;
    let Some(top) = place(image_file(&request.top)) else { return Ok(DONE) };
    let folder = disk_dir(&request.base.domain, request.base.disk);
    if space(&folder)?.available_bytes < images::RESERVE_BYTES {
        return Err(refused(ErrorCode::NoSpace, "the storage has no space left to merge layers"));
    }
    if request.begun {
        let why = "QEMU gave the merge of layers up; the VM's log on its host says why";
        return Err(refused(ErrorCode::Libvirt, why));
    }
    let name = |at: usize| {
        let index = disk.chain.get(at).and_then(|layer| layer.index.as_deref()).ok_or_else(gone)?;
        Ok(format!("{}[{index}]", disk.target))
    };
    block_jobs::commit(domain, &disk.target, &name(base)?, &name(top)?, top == 0)
        .map_err(|e| from_libvirt(&format!("merging layers of VM {}", request.vm), &e))?;
    Ok(MergeState { done: false, percent: 0 })
}

/// By qemu-img. What it did before a crash it does again: the upper layer stays whole until the end.
async fn cold(request: &MergeImage) -> Answer<MergeState> {
    let (base, top) = (image_file(&request.base), image_file(&request.top));
    if tokio::fs::try_exists(&top).await.unwrap_or(false) {
        let have = info(&top, DiskFormat::Cow).await?;
        let below = format!("../{}/{}", request.base.disk, request.base.image);
        if have.backing_filename.as_deref() != Some(&below) {
            return Err(refused(ErrorCode::WrongState, format!("{} lies on something else", top.display())));
        }
        let mut command = limited(MERGE_SECONDS);
        command.args(["commit", "-q", "-d", "-f", "qcow2"]).arg(&top);
        run(command, MERGE_SECONDS).await?;
    }
    if let Some(above) = &request.above {
        let mut command = limited(MERGE_SECONDS);
        command.args(["rebase", "-q", "-u", "-f", "qcow2", "-F", name_of(request.base_format)]);
        command.arg("-b").arg(format!("../{}/{}", request.base.disk, request.base.image)).arg(image_file(above));
        run(command, MERGE_SECONDS).await?;
    }
    info(&base, request.base_format).await?;
    Ok(DONE)
}
