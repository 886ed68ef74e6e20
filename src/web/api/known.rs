//! Which fields a `<vm>`, a `<disk>`, a `<vm_pool>` may have: the API's own (oVirt's model 4.6). oVirt ignores what it does not know, and a mistyped field is
//! lost in silence; here it is refused. What is known and means nothing to this engine yet is let through, since clients send it.

use super::input::Input;
use crate::model::valid::Invalid;

const VM: &str = "\
    actions affinity_labels applications auto_pinning_policy bios cdroms clone cluster comment console cpu \
    cpu_pinning_policy cpu_profile cpu_shares creation_time custom_compatibility_version custom_cpu_model \
    custom_emulated_machine custom_properties delete_protected description disk_attachments display domain dynamic_cpu \
    external_host_provider floppies fqdn graphics_consoles guest_operating_system guest_time_zone has_illegal_images \
    high_availability host host_devices href id initialization instance_type io katello_errata large_icon lease link \
    mediated_devices memory memory_policy migration migration_downtime multi_queues_enabled name \
    next_run_configuration_exists nics numa_nodes numa_tune_mode origin original_template os payloads permissions \
    placement_policy quota reported_devices rng_device run_once serial_number sessions small_icon snapshots \
    soundcard_enabled sso start_paused start_time stateless statistics status status_detail stop_reason stop_time \
    storage_domain storage_error_resume_behaviour tags template time_zone tpm_enabled tunnel_migration type usb \
    use_latest_template_version virtio_scsi virtio_scsi_multi_queues virtio_scsi_multi_queues_enabled vm vm_pool \
    watchdogs";
const MEMORY_POLICY: &str = "\
    ballooning guaranteed max over_commit transparent_huge_pages";
const CPU: &str = "\
    architecture cores cpu_tune level mode name speed topology type";
const TOPOLOGY: &str = "\
    cores sockets threads";
const OS: &str = "\
    boot cmdline custom_kernel_cmdline description initrd kernel reported_kernel_cmdline type version";
const BOOT: &str = "\
    devices";
const ATTACHMENT: &str = "\
    actions active bootable comment description disk href id interface link logical_name name pass_discard read_only \
    template uses_scsi_reservation vm";
const NIC: &str = "\
    actions boot_protocol comment description href id instance_type interface link linked mac name network \
    network_attachments network_filter_parameters network_labels on_boot plugged reported_devices statistics \
    synced template virtual_function_allowed_labels virtual_function_allowed_networks vm vms vnic_profile";
const DISK: &str = "\
    actions active actual_size alias backup backup_mode bootable comment content_type description disk_profile \
    disk_snapshots external_disk format href id image_id initial_size instance_type interface link logical_name \
    lun_storage name openstack_volume_type permissions propagate_errors provisioned_size qcow_version quota read_only \
    sgio shareable snapshot sparse statistics status storage_domain storage_domains storage_type template total_size \
    uses_scsi_reservation vm vms wipe_after_delete";

const POOL: &str = "\
    actions auto_storage_select cluster comment description display href id instance_type link max_user_vms name permissions \
    prestarted_vms rng_device size soundcard_enabled stateful template tpm_enabled type use_latest_template_version \
    virtio_scsi vm";

/// Every field of a pool is one of the API's.
///
/// # Errors
/// Names the first that is not.
pub fn pool(input: &Input) -> Result<(), Invalid> {
    input.only("vm_pool", POOL)
}

/// Every field of a VM is one of the API's.
///
/// # Errors
/// Names the first that is not.
pub fn vm(input: &Input) -> Result<(), Invalid> {
    input.only("vm", VM)?;
    let parts =
        [("memory_policy", MEMORY_POLICY), ("cpu", CPU), ("cpu/topology", TOPOLOGY), ("os", OS), ("os/boot", BOOT)];
    for (path, known) in parts {
        if let Some(part) = input.at(path) {
            part.only(path, known)?;
        }
    }
    if let Some(attachments) = input.child("disk_attachments") {
        for one in attachments.all("disk_attachment") {
            attachment(one)?;
        }
    }
    Ok(())
}

/// Every field of a disk attachment and its disk is one of the API's.
///
/// # Errors
/// Names the first that is not.
pub fn attachment(input: &Input) -> Result<(), Invalid> {
    input.only("disk_attachment", ATTACHMENT)?;
    input.child("disk").map_or(Ok(()), disk)
}

/// Every field of a network card is one of the API's.
///
/// # Errors
/// Names the first that is not.
pub fn nic(input: &Input) -> Result<(), Invalid> {
    input.only("nic", NIC)
}

/// Every field of a disk is one of the API's.
///
/// # Errors
/// Names the first that is not.
pub fn disk(input: &Input) -> Result<(), Invalid> {
    input.only("disk", DISK)
}
