-- False: the layer's file is made when its VM first starts.
alter table image add column made boolean not null default true;
-- Throw-away layers are few among many images.
create index image_thrown_away on image (disk_id) where is_stateless;
-- Why VMs are not started ahead just now, how often that failed in a row, and until when it is not tried again.
alter table vm_pool add column prestart_failures integer not null default 0;
alter table vm_pool add column prestart_wait timestamp;
alter table vm_pool add column prestart_reason text not null default '';
-- Whoever has the VM loses it even while it runs: it is powered off, as soon as its host can be asked, and goes back.
alter table pool_assignment add column ends boolean not null default false;
