-- Pictures that people gave VMs and templates, in base64.
create table icon (
    object_id text primary key,
    small_id text not null unique,
    large_id text not null unique,
    -- of the large one, as it came; the small one is a PNG
    media_type text not null,
    small text not null,
    large text not null
);
