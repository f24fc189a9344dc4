//! Reductions: all forms and passes against exact references (integers, extrema) and f64 with derived bounds (sums).

use fieldline::gpu::{Access, Requirement};

use super::device::{Random, compose, dispatch, download, gamma, gpu, kernel, upload};

/// Which kernel, and which way its lanes run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Rows { chunk_lanes: bool },
    Group,
    Columns { flat: bool },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Dtype {
    F32,
    U32,
    I32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Sum,
    Max,
    Min,
    ArgMax,
    ArgMin,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    form: Form,
    dtype: Dtype,
    op: Op,
    /// outer, axis, inner.
    shape: [u32; 3],
    chunk: u32,
    wg: u32,
    vec: bool,
    wide: bool,
    checked: bool,
}

impl Case {
    fn new(form: Form, dtype: Dtype, op: Op, shape: [u32; 3]) -> Self {
        Case { form, dtype, op, shape, chunk: 1024, wg: 64, vec: false, wide: false, checked: false }
    }

    /// Names of the variant for one pass.
    fn names(&self, from_state: bool, to_state: bool) -> Vec<(&'static str, u32)> {
        let flag = |name, on: bool| (name, u32::from(on));
        let vec = self.vec && !from_state;
        let op = self.op;
        let mut names = vec![("WG", self.wg), ("DTYPE", self.dtype as u32), ("OUT", 1)];
        names.extend([flag("SUM", op == Op::Sum), flag("ARG", matches!(op, Op::ArgMax | Op::ArgMin))]);
        names.extend([flag("SMALLEST", matches!(op, Op::Min | Op::ArgMin)), flag("VEC", vec)]);
        names.extend([flag("WIDE", vec && self.wide), flag("FROM_STATE", from_state), flag("TO_STATE", to_state)]);
        match self.form {
            Form::Rows { chunk_lanes } => names.push(flag("CHUNK_LANES", chunk_lanes)),
            Form::Group => {}
            Form::Columns { flat } => names.extend([flag("FLAT", flat), ("COLS", if vec { 4 } else { 1 })]),
        }
        names
    }

    fn key(&self) -> &'static str {
        match self.form {
            Form::Rows { .. } => "reduce/rows",
            Form::Group => "reduce/rows_group",
            Form::Columns { .. } => "reduce/columns",
        }
    }

    fn grid(&self, parts: u32, vec: bool) -> [u32; 3] {
        let [outer, _, inner] = self.shape;
        let columns = if vec { inner / 4 } else { inner };
        match self.form {
            Form::Rows { chunk_lanes: false } => [outer.div_ceil(self.wg), parts, 1],
            Form::Rows { chunk_lanes: true } => [parts.div_ceil(self.wg), outer, 1],
            Form::Group => [outer, parts, 1],
            Form::Columns { flat: false } => [columns.div_ceil(self.wg), outer, parts],
            Form::Columns { flat: true } => [(parts * columns).div_ceil(self.wg), outer, 1],
        }
    }

    /// Additions that an element passes through in a part of `len` elements: the headers' d.
    fn depth(&self, len: u32) -> u32 {
        match self.form {
            Form::Rows { .. } => len.div_ceil(8) + 8,
            Form::Group => len.div_ceil(4 * self.wg) + 2 + self.wg.ilog2(),
            Form::Columns { .. } => len.div_ceil(4) + 5,
        }
    }

    /// Runs all passes; also returns the depth D of the whole tree.
    fn run(&self, data: &[u32], offset: u32) -> (Vec<u32>, u32) {
        let [outer, axis, inner] = self.shape;
        let state = if matches!(self.op, Op::ArgMax | Op::ArgMin) { 2 } else { 1 };
        let mut input = upload(data);
        let (mut axis, mut offset, mut depth, mut from_state) = (axis, offset, 0, false);
        loop {
            let parts = axis.div_ceil(self.chunk);
            let to_state = parts > 1;
            let source = compose(self.key(), &self.names(from_state, to_state), &[]);
            let kernel = kernel(source, vec![Access::Read, Access::ReadWrite], 10, self.checked);
            let count = outer * parts * inner * if to_state { state } else { 1 };
            let output = upload(&vec![SENTINEL; count as usize + 3]);
            let params = vec![outer, axis, inner, offset, 0, self.chunk, parts, 0, axis * inner, inner];
            dispatch(&kernel, &[&input, &output], &[(params, self.grid(parts, self.vec && !from_state))]);
            depth += self.depth(axis.min(self.chunk));
            if !to_state {
                let mut words = download(&output);
                assert!(
                    words.split_off(count as usize).iter().all(|w| *w == SENTINEL),
                    "written past the end: {self:?}"
                );
                return (words, depth);
            }
            (input, axis, offset, from_state) = (output, parts, 0, true);
        }
    }

    /// The elements that result `at` is made of.
    fn column<'a>(&self, data: &'a [u32], at: u32) -> impl Iterator<Item = u32> + Clone + 'a {
        let [_, axis, inner] = self.shape;
        let first = (at / inner * axis * inner + at % inner) as usize;
        (0..axis as usize).map(move |p| data[first + p * inner as usize])
    }

    /// Compares every result with the reference.
    fn check(&self, data: &[u32], offset: u32) {
        let (got, depth) = self.run(data, offset);
        let (again, _) = self.run(data, offset);
        assert_eq!(got, again, "two runs differ: {self:?}");
        assert_eq!(got.len(), (self.shape[0] * self.shape[2]) as usize);
        for (at, got) in got.iter().enumerate() {
            let column = self.column(&data[offset as usize..], at as u32);
            match (self.op, self.dtype) {
                (Op::Sum, Dtype::F32) => sum_within(*got, column, depth, self),
                // Two's complement: one wrapping sum serves u32 and i32.
                (Op::Sum, _) => assert_eq!(*got, column.fold(0u32, u32::wrapping_add), "[{at}] of {self:?}"),
                _ => assert_eq!(*got, self.extremum(column), "[{at}] of {self:?}"),
            }
        }
    }

    fn extremum(&self, column: impl Iterator<Item = u32>) -> u32 {
        let sign = if matches!(self.op, Op::Min | Op::ArgMin) { -1.0 } else { 1.0 };
        let value = |bits: u32| match self.dtype {
            Dtype::F32 => f64::from(f32::from_bits(bits)),
            Dtype::U32 => f64::from(bits),
            Dtype::I32 => f64::from(bits as i32),
        };
        let arg = matches!(self.op, Op::ArgMax | Op::ArgMin);
        let mut best: Option<(f64, u32, u32)> = None;
        for (position, bits) in column.enumerate() {
            let x = sign * value(bits);
            // Among zeros max takes +0 and min -0; for a position they are equal.
            let better = |b: f64| {
                x.is_nan() && !b.is_nan() || x > b || (!arg && x == b && b.is_sign_negative() && !x.is_sign_negative())
            };
            if best.is_none_or(|(b, ..)| !b.is_nan() && better(b)) {
                best = Some((x, bits, position as u32));
            }
        }
        let (x, bits, position) = best.expect("an element");
        if arg {
            position
        } else if x.is_nan() {
            0x7fc0_0000
        } else {
            bits
        }
    }
}

/// |computed - exact| <= gamma_D sum |x| with the depth D of the summation tree (derived in the headers of the kernels). The f64
/// reference itself is exact to 2^-52 sum |x| times the number of terms, 2^-28 of one f32 rounding for a million terms.
fn sum_within(got: u32, column: impl Iterator<Item = u32> + Clone, depth: u32, case: &Case) {
    let values = column.map(|bits| f64::from(f32::from_bits(bits)));
    let exact: f64 = values.clone().sum();
    let size: f64 = values.map(f64::abs).sum();
    let got = f64::from(f32::from_bits(got));
    if exact.is_finite() {
        let (error, bound) = ((got - exact).abs(), gamma(depth as usize) * size);
        assert!(error <= bound, "sum {got}, exact {exact}: error {error:e} > {bound:e} in {case:?}");
    } else {
        assert!(got == exact || (got.is_nan() && exact.is_nan()), "sum {got}, expected {exact} in {case:?}");
    }
}

const SENTINEL: u32 = 0x7fa5_a5a5;

/// Random elements: floats with many repeats (so that ties occur), or whole words.
fn elements(dtype: Dtype, count: usize, seed: u64) -> Vec<u32> {
    let mut random = Random(seed);
    let mut one = || match dtype {
        Dtype::F32 => ((random.float() * 64.0).round() / 16.0 + random.float() * (random.word() % 2) as f32).to_bits(),
        _ if random.word().is_multiple_of(4) => random.word(),
        _ => random.word() % 5,
    };
    (0..count).map(|_| one()).collect()
}

const FORMS: [Form; 5] = [
    Form::Rows { chunk_lanes: false },
    Form::Rows { chunk_lanes: true },
    Form::Group,
    Form::Columns { flat: false },
    Form::Columns { flat: true },
];

fn shapes(form: Form) -> Vec<[u32; 3]> {
    match form {
        Form::Columns { .. } => vec![[1, 1, 1], [1, 7, 3], [3, 37, 5], [2, 64, 66], [1, 131, 9], [2, 2, 2]],
        _ => vec![[1, 1, 1], [5, 7, 1], [3, 8, 1], [70, 19, 1], [1, 131, 1], [2, 1030, 1]],
    }
}

#[test]
fn sums_of_all_forms_and_sizes() {
    for form in FORMS {
        for shape in shapes(form) {
            // A small chunk makes several passes out of a short axis.
            for chunk in [1024, 16] {
                let case = Case { chunk, ..Case::new(form, Dtype::F32, Op::Sum, shape) };
                case.check(&elements(Dtype::F32, shape.iter().product::<u32>() as usize + 3, 1), 3);
            }
        }
    }
}

#[test]
fn extrema_and_their_positions() {
    for form in FORMS {
        for op in [Op::Max, Op::Min, Op::ArgMax, Op::ArgMin] {
            for (shape, chunk) in [(shapes(form)[2], 1024), (shapes(form)[4], 8)] {
                let case = Case { chunk, wg: 16, ..Case::new(form, Dtype::F32, op, shape) };
                case.check(&elements(Dtype::F32, shape.iter().product::<u32>() as usize, 2), 0);
            }
        }
    }
}

#[test]
fn integers_wrap_and_compare_by_sign() {
    for form in [Form::Rows { chunk_lanes: false }, Form::Group, Form::Columns { flat: true }] {
        for dtype in [Dtype::U32, Dtype::I32] {
            for op in [Op::Sum, Op::Max, Op::Min, Op::ArgMax, Op::ArgMin] {
                let shape = shapes(form)[4];
                let case = Case { chunk: 32, wg: 16, ..Case::new(form, dtype, op, shape) };
                case.check(&elements(dtype, shape.iter().product::<u32>() as usize, 3), 0);
            }
        }
    }
}

#[test]
fn vectors_and_wide_words() {
    for form in FORMS {
        let shape = if matches!(form, Form::Columns { .. }) { [2, 37, 72] } else { [9, 92, 1] };
        for wide in [false, true] {
            if wide && !gpu().supports(Requirement::Int64) {
                println!("skipped: wide loads need 64-bit integers");
                continue;
            }
            for (op, checked) in [(Op::Sum, true), (Op::ArgMin, false)] {
                for chunk in [1024, 28] {
                    let case =
                        Case { vec: true, wide, checked, chunk, wg: 16, ..Case::new(form, Dtype::F32, op, shape) };
                    case.check(&elements(Dtype::F32, shape.iter().product::<u32>() as usize + 4, 4), 4);
                }
            }
        }
    }
}

/// Every special value at every position of a short axis, alone and among others.
#[test]
fn special_values() {
    let specials: Vec<u32> =
        [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45, 1e-39, -2e-39]
            .iter()
            .map(|x| x.to_bits())
            .collect();
    let mut random = Random(5);
    let rows = 160;
    let axis = 11;
    let data: Vec<u32> = (0..rows * axis)
        .map(|_| match random.word() % 3 {
            0 => specials[(random.word() as usize) % specials.len()],
            1 => specials[4 + (random.word() as usize) % 6],
            _ => random.float().to_bits(),
        })
        .collect();
    for form in [Form::Rows { chunk_lanes: false }, Form::Group] {
        for op in [Op::Max, Op::Min, Op::ArgMax, Op::ArgMin] {
            for checked in [false, true] {
                let case = Case { wg: 8, checked, ..Case::new(form, Dtype::F32, op, [rows, axis, 1]) };
                case.check(&data, 0);
            }
        }
    }
    // Sums: infinities and NaN only, since subnormals may be flushed.
    let data: Vec<u32> = data.iter().map(|x| if f32::from_bits(*x).is_subnormal() { 0 } else { *x }).collect();
    Case { wg: 8, ..Case::new(Form::Rows { chunk_lanes: false }, Dtype::F32, Op::Sum, [rows, axis, 1]) }
        .check(&data, 0);
}

/// A million terms of one sign: a plain running sum would be off by thousands of roundings.
#[test]
fn long_sums_stay_accurate() {
    let count = 1 << 20;
    let mut random = Random(6);
    let data: Vec<u32> = (0..count).map(|_| (random.float() + 1.0).to_bits()).collect();
    for form in [Form::Rows { chunk_lanes: true }, Form::Group] {
        let chunk = if form == Form::Group { 8192 } else { 1024 };
        let case = Case { chunk, vec: true, wg: 64, ..Case::new(form, Dtype::F32, Op::Sum, [1, count, 1]) };
        case.check(&data, 0);
        assert!(case.run(&data, 0).1 <= 272, "the depth that the header promises");
    }
    let case = Case {
        chunk: 512,
        vec: true,
        wg: 64,
        ..Case::new(Form::Columns { flat: true }, Dtype::F32, Op::Sum, [1, count / 8, 8])
    };
    case.check(&data, 0);
}

/// A reduced map: the sum of squared differences of two arrays, and its vec4 form.
#[test]
fn fused_map() {
    let (outer, axis) = (6u32, 44u32);
    let count = (outer * axis) as usize;
    let (x, y) = (elements(Dtype::F32, count, 7), elements(Dtype::F32, count, 8));
    for vec in [0u32, 1] {
        let ty = if vec == 1 { "vec4<f32>" } else { "f32" };
        let head = format!(
            "@group(0) @binding(0) var<storage, read> x: array<{ty}>;\n@group(0) @binding(1) var<storage, read> y: array<{ty}>;\n"
        );
        let body = match vec {
            1 => "fn load4(i: u32) -> vec4<f32> { let d = x[i >> 2u] - y[i >> 2u]; return d * d; }",
            _ => "fn load(i: u32) -> f32 { let d = x[i] - y[i]; return d * d; }",
        };
        let names = [("WG", 8), ("DTYPE", 0), ("OUT", 2), ("SUM", 1), ("VEC", vec)];
        let composed = compose("reduce/rows", &names, &[("LOAD", &(head + body))]);
        let kernel = kernel(composed, vec![Access::Read, Access::Read, Access::ReadWrite], 10, false);
        let output = upload(&vec![SENTINEL; outer as usize]);
        let params = vec![outer, axis, 1, 0, 0, 1024, 1, 0, axis, 1];
        dispatch(&kernel, &[&upload(&x), &upload(&y), &output], &[(params, [1, 1, 1])]);
        for (row, got) in download(&output).iter().enumerate() {
            let float = |v: &[u32], i: usize| f64::from(f32::from_bits(v[i]));
            let range = row * axis as usize..(row + 1) * axis as usize;
            let exact: f64 = range.map(|i| (float(&x, i) - float(&y, i)).powi(2)).sum();
            // d is rounded once and enters twice, d * d once more: three roundings ahead of the depth of the sum.
            let bound = gamma((axis.div_ceil(8) + 8 + 3) as usize) * exact;
            let got = f64::from(f32::from_bits(*got));
            assert!((got - exact).abs() <= bound, "row {row}: {got}, exact {exact}, bound {bound:e}");
        }
    }
}
