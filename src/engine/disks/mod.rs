//! Disks and ISO images.

mod add;
mod change;
pub(in crate::engine) mod layers;
mod list;
mod remove;
mod upload;

pub(in crate::engine) use add::AddDisk;
pub use add::add;
pub use change::change;
pub use list::{get, list};
pub(in crate::engine) use remove::RemoveDisk;
pub use remove::remove;
pub(in crate::engine) use upload::UploadImage;
pub use upload::{NewUpload, upload};

use crate::engine::changes::Topic;
use crate::model::permission::ObjectKind;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Disk)
}
