//! npz: named arrays, each an npy file in a zip archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek};
use std::path::Path;

use npyz::npz::{array_name_from_file_name, file_name_from_array_name};
use npyz::zip::read::ZipFile;
use npyz::zip::write::{FileOptions, ZipWriter};
use npyz::zip::{CompressionMethod, DateTime, ZipArchive};

use super::atomic::write_atomic_seekable;
use super::convert::{Converted, read_elements};
use super::npy::{check_writable, open, write_array};
use super::npy_header::{self, read_header};
use super::zip_guard;
use crate::error::{Error, Result};
use crate::tensor::Array;

/// Most bytes that one deflated byte can become: a match of 258 bytes takes at least two bits (RFC 1951).
const DEFLATE_RATIO: u64 = 1032;

type Archive<'a> = ZipArchive<BufReader<&'a File>>;

/// Reads all arrays of an npz file, stored or deflated.
///
/// # Errors
/// [`Error::File`] that names the array: as for [`super::read_npy`]; also for a file that is no zip archive, a member that is no
/// npy file, a name that appears twice, an encrypted member, a wrong check sum, or sizes that the length of the file cannot
/// justify.
pub fn read_npz(path: impl AsRef<Path>) -> Result<BTreeMap<String, Converted>> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_all(&file, length).map_err(|problem| Error::file(path, problem))
}

fn read_all(file: &File, length: u64) -> Result<BTreeMap<String, Converted>, String> {
    check_magic(file)?;
    zip_guard::check_directory(file, length)?;
    let not_npz = |e: &dyn std::fmt::Display| format!("not a whole npz file: {e}");
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| not_npz(&e))?;
    let mut arrays = BTreeMap::new();
    let mut compressed = 0_u64;
    for member in 0..archive.len() {
        let entry = Entry::of(&mut archive, member, file)?;
        compressed = compressed.saturating_add(entry.compressed);
        if compressed > length {
            return Err(not_npz(&format!("its members claim more than the {length} bytes of the file")));
        }
        let Some(name) = &entry.array else { continue };
        let array = read_member(&mut archive, member, &entry).map_err(|e| format!("array `{name}`: {e}"))?;
        if arrays.insert(name.clone(), array).is_some() {
            return Err(format!("expected every array once, got two named `{name}`"));
        }
    }
    Ok(arrays)
}

fn check_magic(mut file: &File) -> Result<(), String> {
    let mut start = Vec::new();
    file.take(16).read_to_end(&mut start).map_err(|e| format!("cannot read: {e}"))?;
    // A member's header, or the end record of an archive without members.
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return file.rewind().map_err(|e| format!("cannot read: {e}"));
    }
    if start.starts_with(npy_header::MAGIC) {
        return Err("not an npz file: it is an npy file (one array without a name)".to_string());
    }
    let got = start.escape_ascii();
    Err(format!("not an npz file: expected a zip archive, which starts with PK, got \"{got}\""))
}

/// What the directory of the archive says about a member.
struct Entry {
    /// Name of the array; `None` for a folder.
    array: Option<String>,
    compressed: u64,
    size: u64,
}

impl Entry {
    /// Looks at a member without decompressing; refuses all that the library would not survive or numpy would not write.
    fn of(archive: &mut Archive<'_>, member: usize, file: &File) -> Result<Self, String> {
        let raw = archive.by_index_raw(member).map_err(|e| format!("not a whole npz file: member {member}: {e}"))?;
        let name = raw.name().to_string();
        let problem = |text: &str| Err(format!("member `{}`: {text}", name.escape_debug()));
        if name.contains('\u{fffd}') && raw.name_raw() != name.as_bytes() {
            return problem("expected a name in UTF-8");
        }
        let (compressed, size) = (raw.compressed_size(), raw.size());
        let most = match raw.compression() {
            CompressionMethod::Stored => compressed,
            CompressionMethod::Deflated => compressed.saturating_mul(DEFLATE_RATIO),
            other => return problem(&format!("expected stored or deflated data, got compression method {other}")),
        };
        if size > most {
            return problem(&format!("claims {size} bytes, but its {compressed} stored bytes cannot become so many"));
        }
        let header_at = raw.central_header_start();
        drop(raw);
        if zip_guard::is_encrypted(file, header_at)? {
            return problem("expected plain data, got an encrypted member");
        }
        if name.ends_with('/') {
            return Ok(Entry { array: None, compressed, size });
        }
        match array_name_from_file_name(&name) {
            Some(array) => Ok(Entry { array: Some(array.to_string()), compressed, size }),
            None => problem("expected an array, whose name ends in .npy"),
        }
    }
}

fn read_member(archive: &mut Archive<'_>, member: usize, entry: &Entry) -> Result<Converted, String> {
    let mut data = open_member(archive, member)?;
    let (layout, header) = read_header(&mut data)?;
    let present = entry.size.saturating_sub(header);
    if layout.bytes() != present {
        let shape = &layout.shape;
        return Err(format!("expected {} bytes of data for shape {shape}, got {present}", layout.bytes()));
    }
    let array = read_elements(&mut data, &layout)?;
    // The check sum is compared where the data end.
    match data.read(&mut [0]) {
        Ok(0) => Ok(array),
        Ok(_) => Err(format!("expected {present} bytes of data, got more")),
        Err(e) => Err(format!("cannot read the data: {e}")),
    }
}

fn open_member<'a>(archive: &'a mut Archive<'_>, member: usize) -> Result<ZipFile<'a>, String> {
    // `by_index` would panic on a member that has AES settings without being encrypted; this way it is an error. The password
    // itself is never used, because encrypted members were refused.
    match archive.by_index_decrypt(member, b"") {
        Ok(Ok(data)) => Ok(data),
        Ok(Err(_)) => Err("expected plain data, got an encrypted member".to_string()),
        Err(e) => Err(format!("cannot read: {e}")),
    }
}

/// Writes named arrays as npz (uncompressed), atomically (see [`super::write_atomic`]). The bytes depend on the arrays and names
/// alone: members are sorted by name and carry no time.
///
/// # Errors
/// [`Error::Argument`] for a name that a zip archive cannot hold; [`Error::File`] when the file cannot be written.
pub fn write_npz(path: impl AsRef<Path>, arrays: &BTreeMap<String, Array>) -> Result<()> {
    let path = path.as_ref();
    for (name, array) in arrays {
        check_name(name)?;
        check_writable(&format!("array `{name}`"), array)?;
    }
    write_atomic_seekable(path, |out| {
        write_members(out, arrays).map_err(|e| Error::file(path, format!("cannot write: {e}")))
    })
}

fn check_name(name: &str) -> Result<()> {
    // The length is a 16-bit field and includes `.npy`. Readers end a name at a NUL.
    if name.len() > 65_000 || name.contains('\0') {
        let got = if name.len() > 65_000 { format!("{} bytes", name.len()) } else { format!("{name:?}") };
        return Err(Error::argument("array name", "at most 65000 bytes without NUL", got));
    }
    Ok(())
}

fn write_members(out: &mut BufWriter<&File>, arrays: &BTreeMap<String, Array>) -> io::Result<()> {
    let mut archive = ZipWriter::new(out);
    for (name, array) in arrays {
        // Sizes beyond 32 bits need the larger fields; a header takes far less than 1 MiB.
        let large = array.data().len() as u64 * 4 + (1 << 20) > u64::from(u32::MAX);
        let options = FileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(large);
        archive.start_file(file_name_from_array_name(name), options)?;
        // The archive updates its check sum with every write, so single elements are gathered first.
        let mut member = BufWriter::with_capacity(1 << 16, &mut archive);
        write_array(&mut member, array)?;
        member.into_inner().map_err(io::IntoInnerError::into_error)?;
    }
    archive.finish()?;
    Ok(())
}
