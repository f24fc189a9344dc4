//! Checks of a zip archive that come before the `zip` crate reads it, because it trusts these fields.
//!
//! Format: PKWARE APPNOTE.TXT 6.3, sections 4.3.12 to 4.3.16 and 4.4.4.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Length of the end record without its comment.
const END: usize = 22;
/// Length of the zip64 locator, which stands right before the end record.
const LOCATOR: u64 = 20;
/// Least length of a member's header in the directory.
const MEMBER: u64 = 46;

/// Checks the numbers of members in the end records. A plain record holds at most 65535; for the number of a zip64 record the
/// reader reserves memory, and it searches the file byte by byte for a record that is not where the locator says.
pub(super) fn check_directory(file: &File, length: u64) -> Result<(), String> {
    let tail_start = length.saturating_sub(END as u64 + u64::from(u16::MAX));
    let mut tail = vec![0; (length - tail_start) as usize];
    read_at(file, tail_start, &mut tail)?;
    // The reader, too, takes the last one that a whole record can follow.
    let searched = &tail[..tail.len().saturating_sub(END - 4)];
    let end = searched.windows(4).rposition(|w| w == b"PK\x05\x06");
    let Some(end) = end else {
        return Err("not a whole npz file: the directory at its end is missing (is it truncated?)".to_string());
    };
    // The reader believes the first of the two counts; were it too small, arrays would go missing without a word.
    if tail[end + 8..end + 10] != tail[end + 10..end + 12] {
        return Err("not a whole npz file: its end record has two different numbers of members".to_string());
    }
    let comment = u64::from(u16::from_le_bytes([tail[end + 20], tail[end + 21]]));
    let end = tail_start + end as u64;
    let Some(locator_at) = length.checked_sub(END as u64 + LOCATOR + comment) else { return Ok(()) };
    let mut locator = [0; LOCATOR as usize];
    read_at(file, locator_at, &mut locator)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(());
    }
    let record_at = u64::from_le_bytes(array(&locator[8..16]));
    let mut record = [0; 56];
    let in_file = record_at.checked_add(record.len() as u64).is_some_and(|stop| stop <= end);
    if in_file {
        read_at(file, record_at, &mut record)?;
    }
    if !record.starts_with(b"PK\x06\x06") {
        return Err("not a whole npz file: its zip64 end record is not where the locator says".to_string());
    }
    let members = u64::from_le_bytes(array(&record[32..40]));
    match members.checked_mul(MEMBER) {
        Some(bytes) if bytes <= end => Ok(()),
        _ => Err(format!("not a whole npz file: {members} members cannot stand in its {length} bytes")),
    }
}

/// True when the member whose directory header starts at `header_at` is encrypted (bit 0 of its flags).
pub(super) fn is_encrypted(file: &File, header_at: u64) -> Result<bool, String> {
    let mut header = [0; 10];
    read_at(file, header_at, &mut header)?;
    Ok(header[8] & 1 == 1)
}

fn read_at(mut file: &File, at: u64, bytes: &mut [u8]) -> Result<(), String> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(bytes)).map_err(|e| format!("cannot read: {e}"))
}

fn array(bytes: &[u8]) -> [u8; 8] {
    let mut array = [0; 8];
    array.copy_from_slice(bytes);
    array
}
