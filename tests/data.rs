//! Files: round trips, files made by numpy, malformed and hostile files, atomic writes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fieldline::data::*;
use fieldline::tensor::{Array, DType};
use fieldline::{Error, Result};
use npyz::zip::write::{FileOptions, ZipWriter};
use npyz::zip::{CompressionMethod, DateTime};
use proptest::prelude::*;
use tempfile::TempDir;

/// Largest single allocation that anything in this test program asked for.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watched;

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A file of these bytes in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// The error's text, after a check that it is about the file.
fn problem<T: std::fmt::Debug>(result: Result<T>, path: &Path) -> String {
    match result.unwrap_err() {
        Error::File { path: named, problem } => {
            assert_eq!(named, path);
            problem
        }
        other => panic!("expected a file error, got {other:?}"),
    }
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in: {text}");
    }
}

/// Shape, dtype and every bit: `==` would take -0 for 0 and no NaN for itself.
fn bits(array: &Array) -> (Vec<usize>, DType, Vec<u8>) {
    (array.shape().to_vec(), array.dtype(), array.to_bytes())
}

fn all_bits(arrays: &BTreeMap<String, Array>) -> BTreeMap<String, (Vec<usize>, DType, Vec<u8>)> {
    arrays.iter().map(|(name, array)| (name.clone(), bits(array))).collect()
}

fn npy_error(bytes: &[u8]) -> String {
    let (_folder, path) = file("x.npy", bytes);
    problem(read_npy(&path), &path)
}

fn npz_error(bytes: &[u8]) -> String {
    let (_folder, path) = file("x.npz", bytes);
    problem(read_npz(&path), &path)
}

/// An npy file of version 1.0 with this header and these data.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn zip_of(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = FileOptions::default().compression_method(method).last_modified_time(DateTime::default());
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).unwrap()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

// Round trips

fn words() -> impl Strategy<Value = u32> {
    // Signed zeros, infinities, quiet and signalling NaN with payload, least and greatest denormal, greatest finite.
    let special = vec![0, 1 << 31, 0x7f80_0000, 0xff80_0000, 0x7fc1_2345, 0x7f80_0001, 1, 0x007f_ffff, 0x7f7f_ffff];
    prop_oneof![any::<u32>(), prop::sample::select(special)]
}

fn arrays() -> impl Strategy<Value = Array> {
    let dtypes = prop::sample::select(vec![DType::F32, DType::U32, DType::I32, DType::Bool]);
    (dtypes, prop::collection::vec(0_usize..4, 0..4)).prop_flat_map(|(dtype, shape)| {
        let count = shape.iter().product::<usize>();
        prop::collection::vec(words(), count).prop_map(move |words| {
            let words = words.into_iter().map(|w| if dtype == DType::Bool { w & 1 } else { w });
            let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
            Array::from_bytes(dtype, shape.clone(), &bytes).unwrap()
        })
    })
}

fn named_arrays() -> impl Strategy<Value = BTreeMap<String, Array>> {
    prop::collection::btree_map("[^\0]{0,6}", arrays(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn npy_keeps_every_bit(array in arrays()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_npy(&path, &array).unwrap();
        let read = read_npy(&path).unwrap();
        prop_assert_eq!(bits(&read.array), bits(&array));
        prop_assert_eq!(read.warning, None);
    }

    #[test]
    fn npz_keeps_every_bit(arrays in named_arrays()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        write_npz(&path, &arrays).unwrap();
        let read = read_npz(&path).unwrap();
        prop_assert!(read.values().all(|c| c.warning.is_none()));
        let read = read.into_iter().map(|(name, c)| (name, c.array)).collect();
        prop_assert_eq!(all_bits(&read), all_bits(&arrays));
    }

    #[test]
    fn safetensors_keeps_every_bit(
        arrays in named_arrays(),
        metadata in prop::collection::btree_map(".{0,6}", ".{0,6}", 0..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let tensors = Tensors { arrays, metadata };
        write_safetensors(&path, &tensors).unwrap();
        let read = read_safetensors(&path).unwrap();
        prop_assert_eq!(all_bits(&read.arrays), all_bits(&tensors.arrays));
        prop_assert_eq!(read.metadata, tensors.metadata);
        // The official reader agrees on what is in the file.
        let bytes = fs::read(&path).unwrap();
        let official = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        prop_assert_eq!(official.len(), tensors.arrays.len());
    }

    #[test]
    fn csv_keeps_every_bit(
        names in prop::collection::vec("[a-z ,;\"\n\ré]{0,5}", 2..5),
        rows in 0_usize..6,
        seed in prop::collection::vec(any::<u64>(), 30),
    ) {
        let columns: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{i}{name}x")).collect();
        let finite = |bits: u64| Some(f64::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(-0.0);
        let values: Vec<Vec<f64>> = (0..columns.len())
            .map(|c| (0..rows).map(|r| finite(seed[c * 6 + r])).collect())
            .collect();
        let table = Table { columns, rows, values };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_csv(&path, &table).unwrap();
        let read = read_csv(&path).unwrap();
        prop_assert_eq!(&read.columns, &table.columns);
        prop_assert_eq!(read.rows, rows);
        let to_bits = |t: &Table| t.values.iter().map(|c| c.iter().map(|x| x.to_bits()).collect()).collect::<Vec<Vec<u64>>>();
        prop_assert_eq!(to_bits(&read), to_bits(&table));
    }

    #[test]
    fn random_bytes_are_typed_errors(start in 0_usize..5, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let magic: [&[u8]; 5] = [b"", b"\x93NUMPY\x01\x00\x40\x00{'descr'", b"PK\x03\x04", b"PK\x05\x06", b"\x10\0\0\0\0\0\0\0{\"a\":"];
        let (_folder, path) = file("x", &[magic[start], &bytes].concat());
        problem(read_npy(&path), &path);
        problem(read_npz(&path), &path);
        problem(read_safetensors(&path), &path);
        if let Err(e) = read_csv(&path) {
            assert!(matches!(e, Error::File { .. }));
        }
    }
}

#[test]
fn equal_content_gives_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let arrays: BTreeMap<String, Array> = (0..20)
        .map(|i| (format!("a{i}"), Array::zeros(if i % 3 == 0 { DType::Bool } else { DType::F32 }, [i])))
        .collect();
    let metadata: BTreeMap<String, String> = (0..20).map(|i| (format!("k{i}"), format!("{i}"))).collect();
    let tensors = Tensors { arrays: arrays.clone(), metadata };
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    write_npz(&first, &arrays).unwrap();
    // Members of zip archives carry times in steps of two seconds; none of ours may depend on the clock.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    write_npz(&second, &arrays).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    // Maps of the standard library iterate in another order each time; with 20 keys two orders agree by chance in 1 of 20!.
    write_safetensors(&first, &tensors).unwrap();
    write_safetensors(&second, &tensors).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
}

// Files made by numpy (tests/fixtures/make.py)

#[test]
fn numpy_types_are_converted() {
    let read = |name: &str| read_npy(fixture(name)).unwrap();
    let exact = |name: &str, array: Array| {
        let got = read(name);
        assert_eq!((bits(&got.array), got.warning), (bits(&array), None), "{name}");
    };
    let warned = |name: &str, array: Array, warning: &[&str]| {
        let got = read(name);
        assert_eq!(bits(&got.array), bits(&array), "{name}");
        assert_contains(&got.warning.unwrap(), warning);
    };
    warned(
        "f64.npy",
        Array::f32([2, 3], [1.5, 0.1, -2.0, 0.0, -0.0, f32::NAN]).unwrap(),
        &["float64 converted to float32", "2 of 6 values rounded", "1 became zero"],
    );
    exact("f32_big_endian.npy", Array::f32([3], [1.0, -2.5, f32::INFINITY]).unwrap());
    warned("i64_big_endian.npy", Array::i32([2, 2], [1, -2, 3, i32::MIN]).unwrap(), &["int64 converted to int32"]);
    warned("u64.npy", Array::u32([2], [0, u32::MAX]).unwrap(), &["uint64 converted to uint32"]);
    exact("u8.npy", Array::u32([2], [0, 255]).unwrap());
    exact("i8.npy", Array::i32([2], [-128, 127]).unwrap());
    exact("u16.npy", Array::u32([2], [0, 65535]).unwrap());
    exact("i16.npy", Array::i32([2], [-32768, 32767]).unwrap());
    // 6e-8 rounds to the least denormal of float16, 2^-24.
    let least = 2.0_f32.powi(-24);
    exact("f16.npy", Array::f32([5], [1.0, -0.0, least, 65504.0, f32::INFINITY]).unwrap());
    exact("scalar.npy", Array::f32([0; 0], [3.25]).unwrap());
    exact("empty.npy", Array::f32([0, 3], []).unwrap());
    exact("version2.npy", Array::i32([2], [7, 8]).unwrap());
    exact("version3.npy", Array::i32([2], [7, 8]).unwrap());
}

#[test]
fn fortran_order_becomes_row_major() {
    let read = |name: &str| read_npy(fixture(name)).unwrap().array;
    assert_eq!(read("f32_fortran_2d.npy"), Array::f32([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap());
    assert_eq!(read("i64_fortran_3d.npy"), Array::i32([2, 3, 4], (0..24).collect::<Vec<_>>()).unwrap());
    let flags = [true, false, false, true, true, false];
    assert_eq!(read("bool_fortran_2d.npy"), Array::bool([2, 3], flags).unwrap());
}

#[test]
fn values_that_do_not_fit_are_named() {
    let error = |name: &str| problem(read_npy(fixture(name)), &fixture(name));
    assert_contains(&error("f64_too_large.npy"), &["[1, 0]", "range of float32", "1e39"]);
    assert_contains(&error("u64_too_large.npy"), &["[1]", "uint32", "4294967296"]);
    assert_contains(&error("i64_fortran_too_large.npy"), &["[1, 2]", "int32", "2147483648"]);
}

#[test]
fn other_dtypes_are_refused() {
    let error = |name: &str| problem(read_npy(fixture(name)), &fixture(name));
    assert_contains(&error("structured.npy"), &["structured dtype"]);
    assert_contains(&error("complex.npy"), &["complex", "<c8", "real and the imaginary part"]);
    assert_contains(&error("string.npy"), &["strings", "<U2"]);
    assert_contains(&error("object.npy"), &["pickled Python objects"]);
}

#[test]
fn numpy_archives_are_read() {
    for name in ["stored.npz", "compressed.npz"] {
        let arrays = read_npz(fixture(name)).unwrap();
        assert_eq!(arrays["x"].array, Array::f32([2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap());
        assert_eq!(arrays["flag"].array, Array::bool([0; 0], [true]).unwrap());
        assert_eq!(arrays["größe"].array, Array::f32([2], [1.5, 2.5]).unwrap());
        assert!(arrays["größe"].warning.as_ref().unwrap().contains("every value is exact"));
        assert_eq!(arrays.len(), if name == "stored.npz" { 3 } else { 4 });
    }
    assert_eq!(read_npz(fixture("compressed.npz")).unwrap()["zeros"].array, Array::zeros(DType::I32, [1000]));
}

#[test]
fn python_safetensors_are_read() {
    let tensors = read_safetensors(fixture("python.safetensors")).unwrap();
    let expected = BTreeMap::from([
        ("w".to_string(), Array::f32([2, 2], [1.0, -0.0, f32::INFINITY, 2.5]).unwrap()),
        ("step".to_string(), Array::i32([0; 0], [7]).unwrap()),
        ("mask".to_string(), Array::bool([2], [true, false]).unwrap()),
        ("half".to_string(), Array::f32([2], [0.5, 65504.0]).unwrap()),
        ("bytes".to_string(), Array::u32([2], [0, 255]).unwrap()),
        ("none".to_string(), Array::f32([0, 2], []).unwrap()),
    ]);
    assert_eq!(all_bits(&tensors.arrays), all_bits(&expected));
    assert_eq!(tensors.metadata, BTreeMap::from([("format".to_string(), "np".to_string())]));
}

// Malformed files

/// Small valid files of the three binary formats, written by numpy and its like.
fn samples() -> Vec<Vec<u8>> {
    ["f32_fortran_2d.npy", "stored.npz", "compressed.npz", "python.safetensors"]
        .map(|n| fs::read(fixture(n)).unwrap())
        .into()
}

#[test]
fn truncation_is_always_noticed() {
    for bytes in samples() {
        let (_folder, path) = file("x", &bytes);
        // Shrinking one file is far faster than writing hundreds.
        let shrinking = fs::File::options().write(true).open(&path).unwrap();
        for length in (0..bytes.len()).rev() {
            shrinking.set_len(length as u64).unwrap();
            problem(read_npy(&path), &path);
            problem(read_npz(&path), &path);
            problem(read_safetensors(&path), &path);
        }
    }
}

#[test]
fn flipped_bits_never_panic_and_check_sums_hold() {
    // Sorted by content, because a flip in a name may change the order.
    let contents = |path: &Path| match read_npz(path) {
        Ok(arrays) => {
            let mut arrays: Vec<_> = arrays.into_values().map(|c| bits(&c.array)).collect();
            arrays.sort_by(|a, b| a.2.cmp(&b.2));
            Some(arrays)
        }
        Err(e) => {
            assert!(matches!(e, Error::File { .. }));
            None
        }
    };
    for bytes in samples() {
        let (_folder, path) = file("x", &bytes);
        let mut patched = fs::File::options().write(true).open(&path).unwrap();
        let mut patch = |at: usize, byte: u8| {
            patched.seek(SeekFrom::Start(at as u64)).unwrap();
            patched.write_all(&[byte]).unwrap();
        };
        let original = contents(&path);
        for bit in 0..8 * bytes.len() {
            patch(bit / 8, bytes[bit / 8] ^ (1 << (bit % 8)));
            // Check sums guard an archive's data; a flip elsewhere (a name, a time) may at most rename an array.
            if let Some(arrays) = contents(&path) {
                assert_eq!(Some(&arrays), original.as_ref(), "bit {bit}");
            }
            for result in [read_npy(&path).err(), read_safetensors(&path).err()] {
                assert!(matches!(result, None | Some(Error::File { .. })));
            }
            patch(bit / 8, bytes[bit / 8]);
        }
    }
}

#[test]
fn headers_of_npy_that_lie_are_errors() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    let (_folder, path) = file("x.npy", &npy(good, &[0; 8]));
    assert_eq!(read_npy(&path).unwrap().array, Array::zeros(DType::F32, [2]));
    assert_contains(&npy_error(&npy(good, &[0; 7])), &["expected 8 bytes", "got 7"]);
    assert_contains(&npy_error(&npy(good, &[0; 9])), &["expected 8 bytes", "got 9"]);
    let shape = |text: &str| npy(&good.replace("(2,)", text), &[0; 8]);
    assert_contains(&npy_error(&shape("(1000000, 1000000)")), &["expected 4000000000000 bytes", "got 8"]);
    // Products that overflow 64 bits, also behind a zero, and single numbers that do.
    for text in [
        "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296)",
        "(4294967296, 4294967296, 0)",
        "(99999999999999999999999,)",
    ] {
        assert_contains(&npy_error(&shape(text)), &["fits in memory"]);
    }
    assert_contains(&npy_error(&shape(&format!("({})", "1,".repeat(65)))), &["at most 64 axes"]);
    assert_contains(&npy_error(&shape(&"(".repeat(5000))), &["nesting"]);
    // Notations that would slip past the check of sizes.
    for text in ["(-2,)", "(0xffffffffffffff, 0xffffffffffffff)", "(1_000,)", "(2L,)", "(1+1,)", "(b'2',)"] {
        assert_contains(&npy_error(&shape(text)), &["unexpected character"]);
    }
    for text in ["2", "('2',)", "(2.0,)", "(True,)", "(1e1,)", "", "(2"] {
        npy_error(&shape(text));
    }
    for (what, with) in [
        ("'<f4'", "'<f3'"),
        ("'<f4'", "'|f4'"),
        ("'<f4'", "'f4'"),
        ("'<f4'", "''"),
        ("'<f4'", "'<f16'"),
        ("'<f4'", "'|V4'"),
        ("'<f4'", "4"),
        ("False", "0"),
        ("'shape'", "'sharp'"),
        ("{", ""),
        ("'descr'", "'desc\\x72'"),
        ("}", ""),
    ] {
        npy_error(&npy(&good.replacen(what, with, 1), &[0; 8]));
    }
    assert_contains(&npy_error(&npy(&good.replace("'<f4'", "[('a', '<f4')]"), &[0; 8])), &["structured dtype"]);
    let bools = npy(&good.replace("<f4", "|b1"), &[1, 2]);
    assert_contains(&npy_error(&bools), &["element [1]", "bool of 0 or 1", "got 2"]);
    let mut not_utf8 = npy(good, &[0; 8]);
    not_utf8[12] = 0xff;
    assert_contains(&npy_error(&not_utf8), &["UTF-8"]);
    assert_contains(&npy_error(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"), &["at most 65535", "4294967295"]);
    assert_contains(&npy_error(b"\x93NUMPY\x04\x00\x02\x00{}"), &["version", "4.0"]);
    assert_contains(&npy_error(b"# a text file"), &["not an npy file", "# a text"]);
    assert_contains(&npy_error(b""), &["ends within"]);
}

#[test]
fn archives_that_lie_are_errors() {
    let array = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", &[0; 8]);
    let huge = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n", &[0; 8]);
    assert_contains(&npz_error(b"x,y\n1,2\n"), &["not an npz file: expected a zip archive", "x,y"]);
    assert_contains(&npz_error(&array), &["not an npz file", "npy file"]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        assert_contains(
            &npz_error(&zip_of(&[("a.npy", &huge)], method)),
            &["array `a`", "expected 4000000000000 bytes"],
        );
        assert_contains(&npz_error(&zip_of(&[("a.npy", b"text")], method)), &["array `a`", "not a"]);
        assert_contains(&npz_error(&zip_of(&[("a.txt", b"text")], method)), &["member `a.txt`", ".npy"]);
        assert_contains(&npz_error(&zip_of(&[("a.npy", &array), ("a.npy", &array)], method)), &["two named `a`"]);
        // numpy takes what stands before a NUL for the name.
        assert_contains(&npz_error(&zip_of(&[("a.npy", &array), ("a.npy\0b", &array)], method)), &["two named `a`"]);
    }
    let bzip2 = zip_of(&[("a.npy", &array)], CompressionMethod::Bzip2);
    assert_contains(&npz_error(&bzip2), &["member `a.npy`", "stored or deflated", "Bzip2"]);
    // No members at all is a valid archive.
    let (_folder, path) = file("x.npz", &zip_of(&[], CompressionMethod::Stored));
    assert!(read_npz(&path).unwrap().is_empty());

    // Fields of the directory: flags at 8, sizes at 20 and 24.
    let patched = |method: CompressionMethod, at: usize, with: &[u8]| {
        let mut bytes = zip_of(&[("a.npy", &array)], method);
        let at = find(&bytes, b"PK\x01\x02") + at;
        bytes[at..at + with.len()].copy_from_slice(with);
        npz_error(&bytes)
    };
    let deflated = CompressionMethod::Deflated;
    assert_contains(&patched(deflated, 24, &[0xff, 0xff, 0xff, 0x7f]), &["claims 2147483647 bytes", "cannot become"]);
    assert_contains(&patched(deflated, 20, &[0xff, 0xff, 0xff, 0x7f]), &["claim more than"]);
    assert_contains(&patched(CompressionMethod::Stored, 8, &[1, 0]), &["encrypted"]);
    let mut wrong = zip_of(&[("a.npy", &array)], CompressionMethod::Stored);
    let last = find(&wrong, b"PK\x01\x02") - 1;
    wrong[last] ^= 1;
    assert_contains(&npz_error(&wrong), &["array `a`", "checksum"]);
    // Two entries of the directory for the same data: the way of overlapping bombs.
    let long = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000,), }\n", &[0; 4000]);
    let mut overlapping = zip_of(&[("a.npy", &long)], CompressionMethod::Stored);
    let (entry, end) = (find(&overlapping, b"PK\x01\x02"), find(&overlapping, b"PK\x05\x06"));
    let mut second = overlapping[entry..end].to_vec();
    let name = find(&second, b"a.npy");
    second[name] = b'b';
    let size = (2 * second.len() as u32).to_le_bytes();
    overlapping[end + 8..end + 16].copy_from_slice(&[2, 0, 2, 0, size[0], size[1], size[2], size[3]]);
    overlapping.splice(end..end, second);
    assert_contains(&npz_error(&overlapping), &["claim more than"]);
}

#[test]
fn settings_of_encryption_without_encryption_are_an_error() {
    let array = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", &[0; 8]);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file_with_extra_data("a.npy", FileOptions::default()).unwrap();
    zip.write_all(&[0xef, 0xbe, 7, 0, 1, 0, b'A', b'E', 1, 0, 0]).unwrap();
    zip.end_extra_data().unwrap();
    zip.write_all(&array).unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    let directory = find(&bytes, b"PK\x01\x02");
    let extra = directory + find(&bytes[directory..], &[0xef, 0xbe, 7, 0]);
    // The identifier of AES settings.
    bytes[extra..extra + 2].copy_from_slice(&[0x01, 0x99]);
    assert_contains(&npz_error(&bytes), &["encrypted"]);
}

#[test]
fn counts_of_members_are_checked_before_memory_is_taken() {
    let archive = |record_at: u64, members: u64| {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(1 << 20, 0);
        let mut record = b"PK\x06\x06".to_vec();
        record.extend(44_u64.to_le_bytes());
        record.extend([0; 12]);
        record.extend(members.to_le_bytes());
        record.extend(members.to_le_bytes());
        record.extend([0; 16]);
        bytes.extend(&record);
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(record_at.to_le_bytes());
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([0xff; 12]);
        bytes.extend([0, 0]);
        bytes
    };
    // A million members pass the reader's own check, and would cost it some 200 MB.
    assert_contains(&npz_error(&archive(1 << 20, 1_000_000)), &["1000000 members cannot stand"]);
    assert_contains(&npz_error(&archive(1 << 20, u64::MAX)), &["members cannot stand"]);
    for wrong in [0, u64::MAX] {
        assert_contains(&npz_error(&archive(wrong, 1)), &["not where the locator says"]);
    }
}

#[test]
fn headers_of_safetensors_that_lie_are_errors() {
    let error = |bytes: &[u8]| {
        let (_folder, path) = file("x.safetensors", bytes);
        problem(read_safetensors(&path), &path)
    };
    let one = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let (_folder, path) = file("x", &safetensors(&one("F32", "[2]", "[0,8]"), &[0; 8]));
    assert_eq!(read_safetensors(&path).unwrap().arrays["a"], Array::zeros(DType::F32, [2]));
    assert_contains(&error(&safetensors(&one("F32", "[2]", "[0,8]"), &[0; 7])), &["expected 8 bytes", "got 7"]);
    assert_contains(&error(&safetensors(&one("F32", "[2]", "[0,8]"), &[0; 9])), &["expected 8 bytes", "got 9"]);
    assert_contains(
        &error(&safetensors(&one("F32", "[1000000000000]", "[0,4000000000000]"), &[0; 8])),
        &["4000000000000"],
    );
    assert_contains(
        &error(&safetensors(&one("BOOL", "[2]", "[0,2]"), &[1, 2])),
        &["array `a`", "element [1]", "got 2"],
    );
    assert_contains(&error(&safetensors(&one("C64", "[1]", "[0,8]"), &[0; 8])), &["array `a`", "C64"]);
    assert_contains(
        &error(&safetensors(&one("I64", "[1]", "[0,8]"), &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
        &["int32", "4294967295"],
    );
    let overflowing = one("F32", "[0,4611686018427387904,4611686018427387904]", "[0,0]");
    assert_contains(&error(&safetensors(&overflowing, &[])), &["fits in memory"]);
    // Two arrays, each within 64 bits, that end beyond.
    let half = 1_u64 << 60;
    let many: Vec<String> = (0..15)
        .map(|i| {
            format!(r#""a{i}":{{"dtype":"U8","shape":[{half}],"data_offsets":[{},{}]}}"#, i * half, (i + 1) * half)
        })
        .chain([format!(r#""b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}"#, half - 1, 15 * half, u64::MAX)])
        .collect();
    error(&safetensors(&format!("{{{}}}", many.join(",")), &[0; 8]));
    for (dtype, shape, offsets) in [
        ("F32", "[2]", "[0,4]"),
        ("F32", "[2]", "[4,8]"),
        ("F32", "[2]", "[8,0]"),
        ("F32", "[-2]", "[0,8]"),
        ("F33", "[2]", "[0,8]"),
        ("F32", "2", "[0,8]"),
        ("F32", "[2.0]", "[0,8]"),
        ("F4", "[1]", "[0,8]"),
    ] {
        assert_contains(&error(&safetensors(&one(dtype, shape, offsets), &[0; 8])), &["malformed safetensors header"]);
    }
    assert_contains(&error(&safetensors(&"[".repeat(100_000), &[])), &["malformed safetensors header"]);
    assert_contains(&error(&safetensors(r#"{"__metadata__":{"a":1}}"#, &[])), &["malformed safetensors header"]);
    let mut not_utf8 = safetensors(&one("F32", "[2]", "[0,8]"), &[0; 8]);
    not_utf8[10] = 0xff;
    assert_contains(&error(&not_utf8), &["malformed safetensors header"]);
    assert_contains(
        &error(b"\xff\xff\xff\xff\xff\xff\xff\xff{}"),
        &["not a whole safetensors file", "18446744073709551615"],
    );
    assert_contains(&error(b"abc"), &["not a safetensors file", "got 3"]);
}

#[test]
fn nothing_here_took_much_memory() {
    // The lies above, again, so that this test does not depend on the order; all claim terabytes in files of a few hundred bytes.
    headers_of_npy_that_lie_are_errors();
    archives_that_lie_are_errors();
    counts_of_members_are_checked_before_memory_is_taken();
    headers_of_safetensors_that_lie_are_errors();
    // The largest file of this program has 1 MiB; the reader of zip archives may reserve a few hundred bytes for each of 65535
    // members of a plain archive.
    assert!(LARGEST.load(Ordering::Relaxed) < 32 << 20, "{} bytes at once", LARGEST.load(Ordering::Relaxed));
}

#[test]
fn csv_errors_name_line_and_column() {
    let error = |text: &[u8]| {
        let (_folder, path) = file("x.csv", text);
        problem(read_csv(&path), &path)
    };
    assert_contains(&error(b""), &["empty file"]);
    assert_contains(&error(b"\n\r\n"), &["empty file"]);
    assert_contains(&error(b"t,y\n1,2\n3,abc\n"), &["line 3, column `y`", "abc"]);
    assert_contains(&error(b"t,y\r\n1,2\r\n3,abc\r\n"), &["line 3, column `y`"]);
    assert_contains(&error(b"\n\nt,y\n\n1,2\n\n\n3,abc"), &["line 8, column `y`"]);
    assert_contains(&error(b"t,y\r1,2\r3,abc\r"), &["line 3, column `y`"]);
    assert_contains(&error(b"\"a\nb\",y\n1,2\n3,abc\n"), &["line 4, column `y`"]);
    for bad in ["nan", "inf", "-Infinity", "1e999", "", "1 2", "0x1", "1_0", "1,"] {
        let text = error(format!("t,y\n1,2\n3,{bad}\n").as_bytes());
        assert_contains(&text, &["line 3"]);
    }
    assert_contains(&error(b"t,y\n1,2\n3\n"), &["line 3", "expected 2 fields", "got 1"]);
    assert_contains(&error(b"t,y\r\n1,2\r\n3,4,5\r\n"), &["line 3", "expected 2 fields", "got 3"]);
    assert_contains(&error(b"1,2\n3,4\n"), &["line 1", "header"]);
    assert_contains(&error(b"t,t\n3,4\n"), &["line 1", "`t`", "columns 1 and 2"]);
    assert_contains(&error(b",t\n3,4\n"), &["line 1", "none for column 1"]);
    assert_contains(&error(b"t;y\n3;4\n"), &["line 1", "separated by commas"]);
    assert_contains(&error(b"t,y\n1,2\n3,\xff\n"), &["line 3", "UTF-8"]);
    assert_contains(&error(b"t,\xff\n1,2\n"), &["line 1", "UTF-8"]);
    let folder = tempfile::tempdir().unwrap();
    problem(read_csv(folder.path().join("none.csv")), &folder.path().join("none.csv"));
}

#[test]
fn csv_of_other_programs_is_read() {
    let text = "\u{feff}t ,\"y, m\"\r\n 1 ,+2.5\r\n\r\n-.5,1E3";
    let (_folder, path) = file("x.csv", text.as_bytes());
    let table = read_csv(&path).unwrap();
    assert_eq!(table.columns, ["t", "y, m"]);
    assert_eq!(table.values, [[1.0, -0.5], [2.5, 1000.0]]);
    assert_eq!(table.rows, 2);
}

#[test]
fn truncated_csv_never_panics() {
    let text = "t,\"größe\"\r\n1,2.5\r\n\r\n3,-1e-7\r\n".as_bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for length in 0..text.len() {
        fs::write(&path, &text[..length]).unwrap();
        if let Err(e) = read_csv(&path) {
            assert!(matches!(e, Error::File { .. }));
        }
    }
}

// Writing

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let refused = |result: Result<()>, parts: &[&str]| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error:?}");
        assert_contains(&error.to_string(), parts);
        assert!(!path.exists());
    };
    let table = |names: &[&str], values: &[&[f64]]| Table {
        columns: names.iter().map(|n| n.to_string()).collect(),
        rows: values.first().map_or(0, |v| v.len()),
        values: values.iter().map(|v| v.to_vec()).collect(),
    };
    refused(write_csv(&path, &table(&[], &[])), &["at least one"]);
    refused(write_csv(&path, &table(&["t"], &[&[1.0], &[2.0]])), &["1 names and 2 columns"]);
    refused(write_csv(&path, &table(&["t", "y"], &[&[1.0], &[2.0, 3.0]])), &["1 rows", "2 values in column `y`"]);
    refused(write_csv(&path, &table(&["t", "y"], &[&[1.0, 2.0], &[3.0, f64::NAN]])), &["NaN in column `y`, row 1"]);
    refused(write_csv(&path, &table(&["1", "2"], &[&[1.0], &[2.0]])), &["header"]);
    refused(write_csv(&path, &table(&["t", "t"], &[&[1.0], &[2.0]])), &["`t`"]);
    refused(write_csv(&path, &table(&["t "], &[&[1.0]])), &["spaces"]);
    let named = |name: &str| BTreeMap::from([(name.to_string(), Array::zeros(DType::F32, [1]))]);
    refused(write_npz(&path, &named("a\0b")), &["NUL"]);
    refused(write_npz(&path, &named(&"a".repeat(70_000))), &["70000 bytes"]);
    let tensors = Tensors { arrays: named("__metadata__"), ..Tensors::default() };
    refused(write_safetensors(&path, &tensors), &["__metadata__"]);
    let absurd = Array::zeros(DType::F32, [0, 1 << 40, 1 << 40]);
    refused(write_npy(&path, &absurd), &["strides"]);
}

/// Names of all files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let (folder, path) = file("x.txt", b"old");
    let failing = |out: &mut dyn Write| {
        // More than any buffer holds, so that the temporary file has content.
        out.write_all(&[b'n'; 1 << 18]).map_err(|e| Error::file("x", e))?;
        Err(Error::Check("no".into()))
    };
    assert!(matches!(write_atomic(&path, failing), Err(Error::Check(_))));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["x.txt"]);
    let panicking =
        std::panic::catch_unwind(|| write_atomic(&path, |_| panic!("the writer of this test panics on purpose")));
    assert!(panicking.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["x.txt"]);
    write_atomic(&path, |out| out.write_all(b"new").map_err(|e| Error::file("x", e))).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["x.txt"]);
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &Path| write_atomic(path, |out| out.write_all(b"x").map_err(|e| Error::file("x", e)));
    let missing = folder.path().join("none").join("x");
    assert_contains(&problem(write(&missing), &missing), &["folder", "none", "does not exist"]);
    assert_contains(&problem(write(folder.path()), folder.path()), &["expected a file, got a folder"]);
    let empty = Path::new("");
    assert_contains(&problem(write(empty), empty), &["name of a file"]);
    let (_folder, below_file) = file("x", b"");
    let below_file = below_file.join("y");
    problem(write(&below_file), &below_file);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write anywhere but in file systems that take no files.
    let candidates = [folder.path().to_path_buf(), PathBuf::from("/sys"), PathBuf::from("/proc")];
    let refuses = |place: &&PathBuf| place.is_dir() && fs::write(place.join("fieldline-probe"), b"").is_err();
    let place = candidates.iter().find(refuses).expect("a folder that cannot be written");
    let path = place.join("x.npy");
    let text = problem(write_npy(&path, &Array::zeros(DType::F32, [2])), &path);
    assert_contains(&text, &["no file can be made in the folder", place.to_str().unwrap()]);
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_refused() {
    let (folder, target) = file("target.npy", b"old");
    let link = folder.path().join("link.npy");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let array = Array::zeros(DType::U32, [2]);
    write_npy(&link, &array).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    assert_eq!(read_npy(&target).unwrap().array, array);
    let device = Path::new("/dev/null");
    assert_contains(&problem(write_npy(device, &array), device), &["regular file"]);
    assert_contains(&problem(read_npy(device), device), &["regular file"]);
}
