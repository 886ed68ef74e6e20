-- What a VM was at a moment: its disks' layers as they were then, its configuration, and its memory if that was kept.

create table snapshot (
    id text primary key,
    vm_id text not null references vm (id) on delete cascade,
    description text not null,
    -- regular; or preview: what the VM was when somebody began to look at another snapshot, kept to go back to
    kind text not null,
    -- it is looked at just now
    previewed boolean not null,
    -- its removal was begun: its layers may hold newer data already, and it can only be removed
    broken boolean not null,
    -- JSON of model::snapshot::SavedConfig
    config text not null,
    -- the disk beside whose layers the memory's file lies, named by the snapshot's id
    memory_disk_id text references disk (id) on delete set null,
    -- the VM's next start goes on from the memory
    restore_memory boolean not null,
    created timestamp not null
);
create index snapshot_by_vm on snapshot (vm_id);

-- The layers a snapshot keeps: nobody writes them any more.
create table snapshot_image (
    snapshot_id text not null references snapshot (id) on delete cascade,
    disk_id text not null references disk (id) on delete cascade,
    image_id text not null references image (id) on delete cascade,
    actual_bytes bigint not null,
    primary key (snapshot_id, disk_id)
);
create index snapshot_image_by_image on snapshot_image (image_id);
create index snapshot_image_by_disk on snapshot_image (disk_id);
