//! `op`: forward results and vector-Jacobian products against values worked out by hand.

use super::Place;
use fieldline::data::{read_npz, write_npz};
use fieldline::tensor::Array;
use std::collections::BTreeMap;
use std::fs::File;

fn save(place: &Place, name: &str, arrays: &[(&str, Array)]) {
    let arrays: BTreeMap<String, Array> = arrays.iter().map(|(n, a)| (n.to_string(), a.clone())).collect();
    write_npz(place.path(name), &arrays).unwrap();
}

fn f32(shape: &[usize], values: &[f32]) -> Array {
    Array::f32(shape.to_vec(), values.to_vec()).unwrap()
}

/// All arrays of the output file. Small whole numbers and halves: every sum and product below is exact in f32.
fn results(place: &Place) -> BTreeMap<String, Array> {
    read_npz(place.path("out.npz")).unwrap().into_iter().map(|(name, c)| (name, c.array)).collect()
}

fn expect(place: &Place, wanted: &[(&str, Array)]) {
    let wanted: BTreeMap<String, Array> = wanted.iter().map(|(n, a)| (n.to_string(), a.clone())).collect();
    assert_eq!(results(place), wanted);
}

#[test]
fn matmul_and_its_products() {
    let place = Place::new();
    let a = f32(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let b = f32(&[3, 2], &[1.0, 0.0, 2.0, -1.0, 0.0, 3.0]);
    // Row 1: 1 + 4 + 0, 0 - 2 + 9; row 2: 4 + 10 + 0, 0 - 5 + 18.
    let y = f32(&[2, 2], &[5.0, 7.0, 14.0, 13.0]);
    save(&place, "in.npz", &[("a0", a.clone()), ("a1", b.clone())]);
    let ran = place.run("op matmul --in in.npz --out out.npz").ends(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    expect(&place, &[("y0", y.clone())]);

    let g = f32(&[2, 2], &[1.0, 2.0, 0.0, -1.0]);
    save(&place, "in.npz", &[("a0", a), ("a1", b), ("g0", g)]);
    let ran = place.run("op matmul --in in.npz --out out.npz --grad --json").ends(0);
    assert_eq!(ran.json()["arrays"]["d1"], serde_json::json!({"dtype": "f32", "shape": [3, 2]}));
    // d0 = g b^T, d1 = a^T g.
    let d0 = f32(&[2, 3], &[1.0, 0.0, 6.0, 0.0, 1.0, -3.0]);
    let d1 = f32(&[3, 2], &[1.0, -2.0, 2.0, -1.0, 3.0, 0.0]);
    expect(&place, &[("y0", y), ("d0", d0), ("d1", d1)]);
}

/// The expression x^2 y + 3 x: its derivatives are 2 x y + 3 and x^2.
#[test]
fn map_and_its_products() {
    let place = Place::new();
    let x = f32(&[3], &[1.0, -2.0, 0.5]);
    let y = f32(&[3], &[4.0, 1.0, 8.0]);
    let g = f32(&[3], &[1.0, 2.0, -1.0]);
    save(&place, "in.npz", &[("a0", x), ("a1", y), ("g0", g)]);
    let attrs = r#"{"expr": "a0*a0*a1 + 3*a0"}"#;
    place.run_list(&["op", "map", "--in", "in.npz", "--attrs", attrs, "--out", "out.npz", "--grad"], &[]).ends(0);
    let wanted = [
        ("y0", f32(&[3], &[7.0, -2.0, 3.5])),
        ("d0", f32(&[3], &[11.0, -2.0, -11.0])),
        ("d1", f32(&[3], &[1.0, 8.0, -0.25])),
    ];
    expect(&place, &wanted);
}

#[test]
fn sum_and_its_product() {
    let place = Place::new();
    let x = f32(&[2, 3], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    save(&place, "in.npz", &[("a0", x), ("g0", f32(&[2], &[2.0, -1.0]))]);
    place
        .run_list(&["op", "sum", "--in", "in.npz", "--attrs", r#"{"axes": [1]}"#, "--out", "out.npz", "--grad"], &[])
        .ends(0);
    let d0 = f32(&[2, 3], &[2.0, 2.0, 2.0, -1.0, -1.0, -1.0]);
    expect(&place, &[("y0", f32(&[2], &[6.0, 60.0])), ("d0", d0)]);
}

/// Whole numbers have no derivative: only the float operand gets one.
#[test]
fn gather_differentiates_the_float_operand_only() {
    let place = Place::new();
    let rows = f32(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let index = Array::u32([3], vec![2, 0, 2]).unwrap();
    let g = f32(&[3, 2], &[1.0, 1.0, 2.0, 2.0, 4.0, 8.0]);
    save(&place, "in.npz", &[("a0", rows), ("a1", index), ("g0", g)]);
    place.run("op gather --in in.npz --out out.npz --grad").ends(0);
    let y = f32(&[3, 2], &[5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
    expect(&place, &[("y0", y), ("d0", f32(&[3, 2], &[2.0, 2.0, 0.0, 0.0, 5.0, 9.0]))]);
}

/// numpy's default types are wider than the engine's: they are converted, and the warning says what it cost.
#[test]
fn wide_input_is_converted_with_a_warning() {
    let place = Place::new();
    write_f64(&place, &[0.5, 0.1]);
    let ran = place.run("op sum --in in.npz --out out.npz").ends(0);
    assert!(ran.err.contains("in.npz: `a0`: float64 converted to float32: 1 of 2 values rounded"), "{}", ran.err);
    assert_eq!(results(&place)["y0"].to_f64(), [f64::from(0.5_f32 + 0.1_f32)]);
    write_f64(&place, &[1e300, 0.0]);
    let ran = place.run("op sum --in in.npz --out out.npz").ends(2);
    ran.says(&["in.npz", "a0", "within the range of float32", "1e300"]);
}

fn write_f64(place: &Place, values: &[f64]) {
    use npyz::WriterBuilder;
    let mut archive = npyz::zip::write::ZipWriter::new(File::create(place.path("in.npz")).unwrap());
    archive.start_file("a0.npy", Default::default()).unwrap();
    let options = npyz::WriteOptions::new().default_dtype().shape(&[values.len() as u64]);
    let mut array = options.writer(&mut archive).begin_nd().unwrap();
    array.extend(values).unwrap();
    array.finish().unwrap();
    archive.finish().unwrap();
}

/// NaN and infinity in, NaN and infinity out: the caller compares them, nothing is hidden or refused.
#[test]
fn values_that_are_not_finite_pass_through() {
    let place = Place::new();
    save(&place, "in.npz", &[("a0", f32(&[3], &[f32::NAN, f32::INFINITY, 4.0]))]);
    place.run("op sqrt --in in.npz --out out.npz").ends(0);
    let y = results(&place)["y0"].to_f64();
    assert!(y[0].is_nan() && y[1] == f64::INFINITY && y[2] == 2.0, "{y:?}");
}

/// A fault of the data that the device finds: an index out of range.
#[test]
fn index_out_of_range_is_told() {
    let place = Place::new();
    let index = Array::u32([1], vec![7]).unwrap();
    save(&place, "in.npz", &[("a0", f32(&[3, 1], &[1.0, 2.0, 3.0])), ("a1", index)]);
    place.run("op gather --in in.npz --out out.npz").ends(1).says(&["out of range", "gather"]);
    assert!(!place.path("out.npz").exists());
}
