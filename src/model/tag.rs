//! Tags: a tree of names that things carry, to be found by.

use crate::model::ids::{GroupId, HostId, ObjectId, ROOT_TAG, TagId, TemplateId, UserId, VmId};
use crate::model::permission::ObjectKind;
use std::collections::HashMap;

/// So many tags there can be.
pub const MAX_TAGS: usize = 1000;
/// So many of them lie above one another, the root not counted.
pub const MAX_DEPTH: usize = 12;

/// A name in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub id: TagId,
    /// None: the root.
    pub parent: Option<TagId>,
    pub name: String,
    pub description: String,
}

/// What can carry tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    Vm(VmId),
    Host(HostId),
    Template(TemplateId),
    User(UserId),
    Group(GroupId),
}

impl Tagged {
    pub const fn object(self) -> ObjectId {
        match self {
            Self::Vm(id) => id.object(),
            Self::Host(id) => id.object(),
            Self::Template(id) => id.object(),
            Self::User(id) => id.object(),
            Self::Group(id) => id.object(),
        }
    }

    pub const fn kind(self) -> ObjectKind {
        match self {
            Self::Vm(_) => ObjectKind::Vm,
            Self::Host(_) => ObjectKind::Host,
            Self::Template(_) => ObjectKind::Template,
            Self::User(_) => ObjectKind::User,
            Self::Group(_) => ObjectKind::Group,
        }
    }

    /// By its kind.
    pub fn of(kind: ObjectKind, id: ObjectId) -> Option<Self> {
        match kind {
            ObjectKind::Vm => Some(Self::Vm(VmId(id.0))),
            ObjectKind::Host => Some(Self::Host(HostId(id.0))),
            ObjectKind::Template => Some(Self::Template(TemplateId(id.0))),
            ObjectKind::User => Some(Self::User(UserId(id.0))),
            ObjectKind::Group => Some(Self::Group(GroupId(id.0))),
            _ => None,
        }
    }
}

/// The tags as a tree is read: each below its parent, with how deep it lies (the root: 0); by name among brothers.
pub fn in_order(tags: Vec<Tag>) -> Vec<(usize, Tag)> {
    let mut below: HashMap<Option<TagId>, Vec<Tag>> = HashMap::new();
    for tag in tags {
        below.entry(tag.parent).or_default().push(tag);
    }
    // Taken from their end.
    below.values_mut().for_each(|all| all.sort_by_key(|tag| std::cmp::Reverse(tag.name.to_lowercase())));
    let mut ordered = Vec::new();
    let mut waiting: Vec<(usize, Tag)> = below.remove(&None).into_iter().flatten().map(|tag| (0, tag)).collect();
    while let Some((depth, tag)) = waiting.pop() {
        waiting.extend(below.remove(&Some(tag.id)).into_iter().flatten().map(|child| (depth + 1, child)));
        ordered.push((depth, tag));
    }
    ordered
}

/// A tag and all below it.
pub fn with_below(tags: &[Tag], id: TagId) -> Vec<TagId> {
    let mut all = vec![id];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        all.extend(tags.iter().filter(|tag| tag.parent == Some(parent)).map(|tag| tag.id));
        at += 1;
    }
    all
}

/// Why a tag cannot lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    #[error("is no tag that is there; choose one of the tree")]
    NoParent,
    #[error("is the tag itself or lies below it; choose one that does not")]
    BelowItself,
    #[error("lies so deep that more than {MAX_DEPTH} tags would lie above one another; choose a higher one")]
    TooDeep,
}

/// Whether a tag, with all below it, can lie below `parent`.
///
/// # Errors
/// It cannot.
pub fn place(tags: &[Tag], id: TagId, parent: TagId) -> Result<(), NoPlace> {
    if !tags.iter().any(|tag| tag.id == parent) {
        return Err(NoPlace::NoParent);
    }
    if with_below(tags, id).contains(&parent) {
        return Err(NoPlace::BelowItself);
    }
    let mut moved: Vec<Tag> = tags.iter().filter(|tag| tag.id != id).cloned().collect();
    moved.push(Tag { id, parent: Some(parent), name: String::new(), description: String::new() });
    let deepest = in_order(moved).into_iter().map(|(depth, _)| depth).max().unwrap_or_default();
    if deepest > MAX_DEPTH { Err(NoPlace::TooDeep) } else { Ok(()) }
}

/// `root` has a place of its own.
pub fn is_root(id: TagId) -> bool {
    id == ROOT_TAG
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(id: u128, parent: u128, name: &str) -> Tag {
        let parent = (id != 0).then(|| TagId::fixed(parent));
        Tag { id: TagId::fixed(id), parent, name: name.to_owned(), description: String::new() }
    }

    fn tree() -> Vec<Tag> {
        vec![
            tag(3, 1, "Berlin"),
            tag(0, 0, "root"),
            tag(2, 0, "Lab"),
            tag(1, 0, "cities"),
            tag(4, 1, "aachen"),
            tag(5, 4, "old"),
        ]
    }

    #[test]
    fn a_tree_is_read_from_its_root_down() {
        let read: Vec<String> =
            in_order(tree()).into_iter().map(|(depth, tag)| format!("{depth}{}", tag.name)).collect();
        assert_eq!(read, ["0root", "1cities", "2aachen", "3old", "2Berlin", "1Lab"]);
        assert_eq!(with_below(&tree(), TagId::fixed(1)), [1, 3, 4, 5].map(TagId::fixed));
        assert_eq!(with_below(&tree(), TagId::fixed(3)), [TagId::fixed(3)]);
    }

    #[test]
    fn a_tag_cannot_lie_below_itself() {
        let at = |id, parent| place(&tree(), TagId::fixed(id), TagId::fixed(parent));
        assert_eq!(at(4, 2), Ok(()));
        assert_eq!(at(4, 1), Ok(()), "where it is");
        assert_eq!(at(1, 1), Err(NoPlace::BelowItself));
        assert_eq!(at(1, 5), Err(NoPlace::BelowItself));
        assert_eq!(at(1, 9), Err(NoPlace::NoParent));
        assert_eq!(at(9, 5), Ok(()), "a new one");
    }

    #[test]
    fn a_tree_is_not_endlessly_deep() {
        let mut deep = vec![tag(0, 0, "root")];
        for id in 1..=MAX_DEPTH as u128 {
            assert_eq!(place(&deep, TagId::fixed(id), TagId::fixed(id - 1)), Ok(()));
            deep.push(tag(id, id - 1, "x"));
        }
        assert_eq!(place(&deep, TagId::fixed(99), TagId::fixed(MAX_DEPTH as u128)), Err(NoPlace::TooDeep));
        // What lies below it counts, too.
        deep.push(tag(50, 0, "a"));
        deep.push(tag(51, 50, "b"));
        assert_eq!(place(&deep, TagId::fixed(50), TagId::fixed(MAX_DEPTH as u128 - 1)), Err(NoPlace::TooDeep));
        assert_eq!(place(&deep, TagId::fixed(50), TagId::fixed(MAX_DEPTH as u128 - 2)), Ok(()));
    }
}
