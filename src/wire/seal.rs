//! Sealing the images of a template.

use super::ImagePath;
use crate::model::disk::DiskFormat;
use serde::{Deserialize, Serialize};

/// Whether the host can seal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealSupport {}

/// It has what it takes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SealSupported {
    pub sealing: bool,
}

/// Remove from these images, which belong to one template, what belongs to one machine only. Sealed already: fine. `NotFound` if one is
/// missing, as all are that were lost half sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealImages {
    pub images: Vec<SealingImage>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealingImage {
    pub image: ImagePath,
    pub format: DiskFormat,
}

/// How far the sealing is; the first of its images names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealLog {
    pub image: ImagePath,
}

/// What was said so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealProgress {
    pub percent: u8,
    pub log: String,
}
