//! Disks and ISO images.

mod add;
mod attach;
mod change;
pub(in crate::engine) mod layers;
mod list;
mod remove;
mod upload;

pub(in crate::engine) use add::AddDisk;
pub use add::add;
pub use attach::{Attach, attach, detach, set_active};
pub use change::change;
pub use list::{get, list};
pub(in crate::engine) use remove::RemoveDisk;
pub use remove::remove;
pub(in crate::engine) use upload::UploadImage;
pub use upload::{NewUpload, upload};

use crate::auth::{self, AuthError};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::ids::StorageDomainId;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;

fn topic() -> Topic {
    Topic::Object(ObjectKind::Disk)
}

/// May the actor make disks on this domain? Who may not see the domain hears what permit it takes, too.
pub(in crate::engine) fn may_create(cx: &Cx, db: &mut Db, domain: StorageDomainId) -> Result<(), EngineError> {
    match auth::check(db, &cx.actor, Action::CreateDisk, domain.object()) {
        Err(AuthError::Hidden { object }) => {
            Err(AuthError::Forbidden { user: cx.actor.name.clone(), action: Action::CreateDisk, object }.into())
        }
        other => Ok(other?),
    }
}
