//! Which verb does what.

use super::{Agent, Answer, blocking, host_upgrade, json};
use crate::agent::error::refused;
use crate::agent::{
    adjust, cpu, domains, facts, fence, images, inventory, ksm, lease, memory, merge, networks, payload, seal, service,
    snapshots, storage,
};
use crate::wire::{self, ErrorCode, Verb, WireError};
use std::sync::Arc;

/// Reads the verb's request; the error names what serde missed.
pub(super) fn read<V: Verb>(body: &[u8]) -> Result<V, WireError> {
    serde_json::from_slice(body).map_err(|e| refused(ErrorCode::InvalidRequest, format!("{}: {e}", V::NAME)))
}

/// Verbs that concern guests, images and storage.
pub(super) async fn dispatch(agent: &Arc<Agent>, name: &str, body: &[u8]) -> Answer {
    let libvirt = &agent.libvirt;
    Ok(match name {
        wire::HostInfo::NAME => json(&libvirt.with(facts::read).await?),
        wire::ListDomains::NAME => json(&libvirt.with(domains::list).await?),
        wire::StartVm::NAME => json(&domains::start(libvirt, &agent.data_dir, read(body)?).await?),
        wire::StartFromMemory::NAME => json(&memory::start(libvirt, read(body)?).await?),
        wire::SaveMemory::NAME => json(&memory::save(libvirt, read(body)?).await?),
        wire::StopVm::NAME => json(&domains::stop(libvirt, read::<wire::StopVm>(body)?.vm).await?),
        wire::ShutdownVm::NAME => json(&domains::shutdown(libvirt, read::<wire::ShutdownVm>(body)?.vm).await?),
        wire::RebootVm::NAME => json(&domains::reboot(libvirt, read::<wire::RebootVm>(body)?.vm).await?),
        wire::ResetVm::NAME => json(&domains::reset(libvirt, read::<wire::ResetVm>(body)?.vm).await?),
        wire::SuspendVm::NAME => json(&domains::suspend(libvirt, read::<wire::SuspendVm>(body)?.vm).await?),
        wire::PauseVm::NAME => json(&domains::pause(libvirt, read::<wire::PauseVm>(body)?.vm, true).await?),
        wire::ResumeVm::NAME => json(&domains::pause(libvirt, read::<wire::ResumeVm>(body)?.vm, false).await?),
        wire::ForgetVm::NAME => {
            let vm = read::<wire::ForgetVm>(body)?.vm;
            domains::forget(libvirt, vm).await?;
            payload::forget(&agent.data_dir, vm);
            json(&())
        }
        wire::AdjustVm::NAME => json(&adjust::adjust(libvirt, read(body)?).await?),
        wire::ChangeCd::NAME => json(&domains::change_cd(libvirt, read(body)?).await?),
        wire::SendKeys::NAME => json(&domains::send_keys(libvirt, read(body)?).await?),
        wire::CreateDomain::NAME => {
            let request: wire::CreateDomain = read(body)?;
            let domain = request.domain.clone();
            let made = blocking(move || storage::create(&request)).await?;
            agent.leases.keep(&domain);
            json(&made)
        }
        wire::RemoveDomain::NAME => {
            let request: wire::RemoveDomain = read(body)?;
            json(&blocking(move || storage::remove(&request.domain)).await?)
        }
        wire::DomainInfo::NAME => {
            let request: wire::DomainInfo = read(body)?;
            let domain = request.domain.clone();
            let space = blocking(move || storage::info(&request.domain)).await?;
            agent.leases.keep(&domain);
            json(&space)
        }
        wire::CreateImage::NAME => json(&images::create(read(body)?).await?),
        wire::CopyImage::NAME => json(&images::copy(read(body)?).await?),
        wire::InspectImage::NAME => json(&images::inspect(read(body)?).await?),
        wire::RemoveImage::NAME => json(&images::remove(read(body)?).await?),
        wire::RemoveDisk::NAME => json(&images::remove_disk(read(body)?).await?),
        wire::SealSupport::NAME => json(&seal::support(&read(body)?)),
        wire::SealImages::NAME => json(&seal::seal(read(body)?).await?),
        wire::SealLog::NAME => json(&seal::progress(read(body)?).await?),
        wire::SnapshotVm::NAME => json(&snapshots::take(libvirt, read(body)?).await?),
        wire::MergeImage::NAME => json(&merge::merge(libvirt, read(body)?).await?),
        wire::EnableKsm::NAME => json(&ksm::enable()?),
        wire::EnsureNetwork::NAME => {
            let request: wire::EnsureNetwork = read(body)?;
            json(&libvirt.with(move |c| networks::ensure(c, &request)).await?)
        }
        _ => return host_verb(agent, name, body).await,
    })
}

/// Verbs that concern this host among others.
async fn host_verb(agent: &Arc<Agent>, name: &str, body: &[u8]) -> Answer {
    let libvirt = &agent.libvirt;
    Ok(match name {
        wire::inventory::Inventory::NAME => json(&libvirt.with(inventory::read).await?),
        wire::ExpectVm::NAME => json(&agent.migrations.expect(libvirt, read(body)?).await?),
        wire::UnexpectVm::NAME => {
            agent.migrations.unexpect(read::<wire::UnexpectVm>(body)?.vm);
            json(&())
        }
        wire::MigrateVm::NAME => json(&agent.migrations.start(libvirt, read(body)?).await?),
        wire::MigrationProgress::NAME => json(&agent.migrations.progress(read::<wire::MigrationProgress>(body)?.vm)),
        wire::AbortMigration::NAME => {
            json(&agent.migrations.abort(libvirt, read::<wire::AbortMigration>(body)?.vm).await?)
        }
        wire::CompareCpu::NAME => {
            let wanted = read(body)?;
            json(&libvirt.with(move |c| cpu::compare(c, wanted)).await?)
        }
        wire::OwnCpu::NAME => json(&libvirt.with(cpu::own).await?),
        wire::CommonCpu::NAME => {
            let cpus = read::<wire::CommonCpu>(body)?.cpus;
            json(&libvirt.with(move |c| cpu::common(c, &cpus)).await?)
        }
        wire::fence::FencePower::NAME => json(&fence::power(read(body)?).await?),
        wire::fence::SeesHost::NAME => json(&lease::sees(read(body)?).await?),
        wire::host::PowerOff::NAME => json(&service::power_off().await?),
        wire::host::Leave::NAME => {
            service::leave(&agent.data_dir, agent.identity.dir()).await?;
            // Requests that are being served end, this one among them.
            agent.leaving.notify_one();
            json(&())
        }
        wire::guest::ResumeIo::NAME => {
            let wire::guest::ResumeIo { vm, domains } = read(body)?;
            blocking(move || domains.iter().try_for_each(storage::try_writing)).await?;
            json(&domains::pause(libvirt, vm, false).await?)
        }
        wire::fence::LooksForLocks::NAME => {
            let request = read(body)?;
            json(&blocking(move || lease::locks(&request)).await?)
        }
        wire::CertificateRequest::NAME => json(&agent.identity.request()?),
        wire::SetCertificate::NAME => json(&agent.identity.replace(&read::<wire::SetCertificate>(body)?.certificate)?),
        _ => return host_upgrade::verb(agent, name, body).await,
    })
}
