//! A floppy of 1.44 MB with a few small files (FAT12, as Microsoft's FAT specification has it). Windows XP's setup looks nowhere else.

const SECTOR: usize = 512;
const SECTORS: u16 = 2880;
const FAT_SECTORS: usize = 9;
const ROOT_ENTRIES: usize = 224;
/// The boot sector, two tables, the root folder.
const DATA: usize = 1 + 2 * FAT_SECTORS + ROOT_ENTRIES * 32 / SECTOR;
const CLUSTERS: usize = SECTORS as usize - DATA;
const LAST: u16 = 0xfff;
/// A volume's name, and a file.
const LABEL: u8 = 0x08;
const FILE: u8 = 0x20;
/// 2020-01-01: the files' dates mean nothing.
const DATE: u16 = (40 << 9) | (1 << 5) | 1;

/// Why there is no floppy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("{0:?} is no name like name.ext for a floppy")]
    Name(String),
    #[error("the files are too large for a floppy")]
    Full,
}

/// The floppy's bytes.
///
/// # Errors
/// A name is too long, or there is no room.
pub fn image(label: &str, files: &[(&str, &[u8])]) -> Result<Vec<u8>, Unfit> {
    let mut image = vec![0; usize::from(SECTORS) * SECTOR];
    image[..62].copy_from_slice(&boot_sector(label));
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut fat = vec![0; FAT_SECTORS * SECTOR];
    set(&mut fat, 0, 0xff0);
    set(&mut fat, 1, LAST);
    let mut root = vec![entry(&padded(label), LABEL, 0, 0)];
    let mut next = 2;
    for (name, content) in files {
        let clusters = content.len().div_ceil(SECTOR);
        if root.len() >= ROOT_ENTRIES || next - 2 + clusters > CLUSTERS {
            return Err(Unfit::Full);
        }
        let first = if clusters == 0 { 0 } else { next };
        root.push(entry(&short_name(name)?, FILE, first, content.len()));
        let at = (DATA + next - 2) * SECTOR;
        image[at..at + content.len()].copy_from_slice(content);
        for cluster in next..next + clusters {
            let follows = u16::try_from(cluster + 1).unwrap_or(LAST);
            set(&mut fat, cluster, if cluster + 1 == next + clusters { LAST } else { follows });
        }
        next += clusters;
    }
    for copy in 0..2 {
        let at = (1 + copy * FAT_SECTORS) * SECTOR;
        image[at..at + fat.len()].copy_from_slice(&fat);
    }
    let root = root.concat();
    let at = (1 + 2 * FAT_SECTORS) * SECTOR;
    image[at..at + root.len()].copy_from_slice(&root);
    Ok(image)
}

/// What kind of floppy it is.
fn boot_sector(label: &str) -> [u8; 62] {
    let mut boot = [0; 62];
    let mut put = |at: usize, bytes: &[u8]| boot[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0xeb, 0x3c, 0x90]);
    put(3, b"VIREO   ");
    put(11, &512u16.to_le_bytes());
    // One sector a cluster, one before the tables, two tables.
    put(13, &[1, 1, 0, 2]);
    put(17, &224u16.to_le_bytes());
    put(19, &SECTORS.to_le_bytes());
    put(21, &[0xf0]);
    put(22, &[9, 0]);
    // Sectors a track, heads.
    put(24, &[18, 0, 2, 0]);
    put(38, &[0x29, 0x56, 0x49, 0x52, 0x45]);
    put(43, &padded(label));
    put(54, b"FAT12   ");
    boot
}

/// Twelve bits each, two in three bytes.
fn set(fat: &mut [u8], cluster: usize, value: u16) {
    let at = cluster * 3 / 2;
    let [low, high] = value.to_le_bytes();
    if cluster.is_multiple_of(2) {
        fat[at] = low;
        fat[at + 1] = (fat[at + 1] & 0xf0) | high;
    } else {
        fat[at] = (fat[at] & 0x0f) | (low << 4);
        fat[at + 1] = (low >> 4) | (high << 4);
    }
}

fn entry(name: &[u8; 11], kind: u8, cluster: usize, length: usize) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = kind;
    entry[24..26].copy_from_slice(&DATE.to_le_bytes());
    entry[26..28].copy_from_slice(&u16::try_from(cluster).unwrap_or_default().to_le_bytes());
    entry[28..].copy_from_slice(&u32::try_from(length).unwrap_or_default().to_le_bytes());
    entry
}

fn padded(text: &str) -> [u8; 11] {
    let mut out = [b' '; 11];
    for (place, c) in out.iter_mut().zip(text.bytes()) {
        *place = c.to_ascii_uppercase();
    }
    out
}

/// Eight characters and three.
fn short_name(name: &str) -> Result<[u8; 11], Unfit> {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if stem.is_empty() || stem.len() > 8 || extension.len() > 3 || !plain(stem) || !plain(extension) {
        return Err(Unfit::Name(name.to_owned()));
    }
    Ok(padded(&format!("{stem:8}{extension:3}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_read_it() {
        let long = vec![b'x'; 5000];
        let image =
            image("sysprep", &[("sysprep.inf", b"[Unattended]\r\n"), ("empty", b""), ("long.txt", &long)]).unwrap();
        let file = std::env::temp_dir().join(format!("vireo-floppy-{}", uuid::Uuid::new_v4()));
        std::fs::write(&file, image).unwrap();
        let mtools = |program: &str, arguments: &[&str]| {
            let done = std::process::Command::new(program).arg("-i").arg(&file).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            done.stdout
        };
        assert_eq!(mtools("mtype", &["::sysprep.inf"]), b"[Unattended]\r\n");
        assert_eq!(mtools("mtype", &["::LONG.TXT"]), long);
        let listed = String::from_utf8(mtools("mdir", &["::"])).unwrap();
        assert!(listed.contains("Volume in drive : is SYSPREP") && listed.contains("3 files"), "{listed}");
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let large = vec![0; CLUSTERS * SECTOR + 1];
        assert_eq!(image("x", &[("a", &large)]), Err(Unfit::Full));
        assert!(image("x", &[("a", &large[1..])]).is_ok());
        for name in ["Autounattend.xml", "", "a.b.c", "ä"] {
            assert_eq!(image("x", &[(name, b"")]), Err(Unfit::Name(name.to_owned())));
        }
    }
}
