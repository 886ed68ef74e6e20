//! Pictures of VMs and templates: one's own, or a drawing of the operating system.

use crate::model::ids::IconId;
use crate::model::system::SYSTEMS;

/// oVirt's limits for one's own.
pub const MAX_BYTES: usize = 24 << 10;
pub const MAX_WIDTH: u32 = 150;
pub const MAX_HEIGHT: u32 = 120;
/// What lists show.
pub const SMALL: (u32, u32) = (46, 38);

text_enum! {
    /// What a picture is, by its bytes.
    MediaType {
        Png = "image/png", Jpeg = "image/jpeg", Gif = "image/gif",
        /// Only our own drawings.
        Svg = "image/svg+xml",
    }
}

/// Why a picture is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPicture {
    #[error("is no PNG, JPEG or GIF picture of at most {width}x{height}")]
    NotAPicture { width: u32, height: u32 },
    #[error("has {bytes} bytes; at most {most} are allowed")]
    TooLarge { bytes: usize, most: usize },
}

impl NoPicture {
    /// It is none, or larger than it may be.
    pub const fn none() -> Self {
        Self::NotAPicture { width: MAX_WIDTH, height: MAX_HEIGHT }
    }
}

/// The pictures of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icons {
    pub small: IconId,
    pub large: IconId,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub media_type: MediaType,
    pub data: Vec<u8>,
}

const SMALL_ONES: u128 = 0x1c00_0000_0000_0000_0000_0000_0000_0000;
const LARGE_ONES: u128 = 0x1c01_0000_0000_0000_0000_0000_0000_0000;

impl Icons {
    /// The drawings of an operating system.
    pub fn of_system(system: &str) -> Self {
        let known = SYSTEMS.iter().position(|(name, _)| *name == system).unwrap_or_default();
        // There are a few dozen.
        let number = u128::try_from(known).unwrap_or_default();
        Self { small: IconId::fixed(SMALL_ONES + number), large: IconId::fixed(LARGE_ONES + number) }
    }

    /// All drawings there are.
    pub fn of_systems() -> impl Iterator<Item = Self> {
        SYSTEMS.iter().map(|(name, _)| Self::of_system(name))
    }
}

/// The drawing of this id; none: it is none of ours.
pub fn drawing(id: IconId) -> Option<Picture> {
    let system = SYSTEMS.iter().map(|(name, _)| *name).find(|name| {
        let icons = Icons::of_system(name);
        id == icons.small || id == icons.large
    })?;
    let (width, height) = if Icons::of_system(system).small == id { SMALL } else { (MAX_WIDTH, MAX_HEIGHT) };
    Some(Picture { media_type: MediaType::Svg, data: draw(system, width, height).into_bytes() })
}

/// A screen with the system's letters, in the colour of its family.
fn draw(system: &str, width: u32, height: u32) -> String {
    let (letters, colour) = match system {
        "other" => ("?", "#6a6e73"),
        "freebsdx64" => ("BSD", "#8f1d1d"),
        "debian_7" => ("Deb", "#a1003f"),
        "suse_11" => ("SLE", "#2b6b00"),
        "ubuntu_14_04" => ("Ubu", "#a33a10"),
        _ if system.starts_with("rhel_") => (rhel(system), "#a30000"),
        _ if system.starts_with("windows_") => (windows(system), "#004d99"),
        _ => (">_", "#3c3f42"),
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 46 38\">\
         <rect x=\"2\" y=\"2\" width=\"42\" height=\"28\" rx=\"3\" fill=\"{colour}\"/>\
         <path d=\"M15 36h16l-3-6H18z\" fill=\"#8a8d90\"/>\
         <text x=\"23\" y=\"21.5\" text-anchor=\"middle\" font-family=\"sans-serif\" font-weight=\"bold\" font-size=\"15\" \
         fill=\"#fff\">{}</text></svg>",
        letters.replace('>', "&gt;")
    )
}

fn rhel(system: &str) -> &'static str {
    match system {
        "rhel_6x64" => "EL6",
        "rhel_7x64" => "EL7",
        "rhel_8x64" => "EL8",
        _ => "EL9",
    }
}

fn windows(system: &str) -> &'static str {
    let year = [("2003", "’03"), ("2008", "’08"), ("2012", "’12"), ("2016", "’16"), ("2019", "’19"), ("2022", "’22")];
    let version = [("xp", "XP"), ("7", "W7"), ("8", "W8"), ("10", "W10"), ("11", "W11")];
    let name = system.trim_start_matches("windows_");
    year.into_iter().chain(version).find(|(begins, _)| name.starts_with(begins)).map_or("W", |(_, letters)| letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_drawings_of_its_own() {
        let mut all: Vec<IconId> = Icons::of_systems().flat_map(|icons| [icons.small, icons.large]).collect();
        let count = all.len();
        for id in &all {
            let drawn = drawing(*id).unwrap();
            let text = String::from_utf8(drawn.data).unwrap();
            let read = roxmltree::Document::parse(&text).unwrap();
            assert!(read.root_element().has_tag_name(("http://www.w3.org/2000/svg", "svg")), "{text}");
        }
        all.sort();
        all.dedup();
        assert!(all.len() == count && count == 2 * SYSTEMS.len());
        assert_eq!(Icons::of_system("a system of tomorrow"), Icons::of_system("other"));
        assert_eq!(drawing(IconId::fixed(7)), None);
    }

    #[test]
    fn letters() {
        let all = ["windows_2008R2x64", "windows_10", "windows_11", "windows_7x64", "windows_xp"].map(windows);
        assert_eq!(all, ["’08", "W10", "W11", "W7", "XP"]);
    }
}
