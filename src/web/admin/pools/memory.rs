//! What a pool's page says of the memory that its VMs start from.

use crate::model::pool::{MemoryState, PoolMemory, PoolView};
use crate::web::told::told;
use crate::web::ui::{Frame, parts};
use maud::{Markup, html};

/// How VMs start, and how far that is prepared.
pub(super) fn state(frame: &Frame, pool: &PoolView, memory: Option<&PoolMemory>) -> Markup {
    let l = frame.l;
    let saved = memory.filter(|_| pool.instant_start);
    html! {
        @match saved.map(|memory| (memory, memory.state)) {
            None if pool.instant_start => { (l.t("instant-making")) }
            None | Some((_, MemoryState::Retired)) => { (l.t("instant-off")) }
            Some((_, MemoryState::Making)) => { (l.t("instant-making")) }
            Some((memory, MemoryState::Ready)) => {
                (l.ta("instant-ready", &[("size", &parts::bytes(memory.bytes))])) " " (parts::time(memory.changed))
            }
            Some((memory, MemoryState::Failed)) => {
                span class="vireo-error" { (l.ta("instant-failed", &[("why", &told(l, &memory.reason))])) }
                @if let Some(next) = memory.next_try { " " (l.t("pool-prestart-next")) " " (parts::time(next)) }
            }
        }
    }
}
