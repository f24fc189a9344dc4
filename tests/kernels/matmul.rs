//! Matrix products: all forms, layouts and edges against f64.

use fieldline::gpu::{Access, Requirement};

use super::device::{Random, compose, dispatch, dispatch_uniform, download, gamma, gpu, kernel, upload};

/// Which kernel, and its tile.
#[derive(Debug, Clone, Copy)]
enum Form {
    Lane { tm: u32, vn: u32, lx: u32, wg: u32 },
    Octet { r: u32, vn: u32, wide: bool, b_uniform: bool },
    Group { tm: u32 },
    RowDot { r: u32, wg: u32 },
}

/// One product with its layout; strides and offsets in elements.
#[derive(Debug, Clone)]
struct Product {
    m: u32,
    n: u32,
    k: u32,
    batch: u32,
    /// Strides of batch, row and k.
    a: [u32; 3],
    /// Strides of batch and k.
    b: [u32; 2],
    /// Strides of batch and row.
    c: [u32; 2],
    /// Offsets of A, B and C.
    off: [u32; 3],
    splits: u32,
    scaled: bool,
    /// The first row of tiles and each matrix in a dispatch of its own, as where a grid is too large for one.
    pieces: bool,
}

impl Product {
    /// Row-major matrices without gaps.
    fn new(m: u32, n: u32, k: u32, batch: u32) -> Self {
        let (a, b, c) = ([m * k, k, 1], [k * n, n], [m * n, n]);
        Self { m, n, k, batch, a, b, c, off: [0; 3], splits: 1, scaled: false, pieces: false }
    }

    /// A stored transposed, [batch, k, m].
    fn transposed_a(mut self) -> Self {
        self.a = [self.m * self.k, 1, self.m];
        self
    }

    fn chunk(&self) -> u32 {
        // A multiple of 4 keeps the pieces of a vec4-aligned k aligned.
        if self.splits == 1 { self.k } else { self.k.div_ceil(self.splits).next_multiple_of(4) }
    }

    fn a_at(&self, z: u32, i: u32, k: u32) -> usize {
        (self.off[0] + z * self.a[0] + i * self.a[1] + k * self.a[2]) as usize
    }

    fn b_at(&self, z: u32, k: u32, j: u32) -> usize {
        (self.off[1] + z * self.b[0] + k * self.b[1] + j) as usize
    }

    fn c_at(&self, z: u32, i: u32, j: u32) -> usize {
        (self.off[2] + z * self.c[0] + i * self.c[1] + j) as usize
    }

    /// Distance of the partial results, aligned for vec4.
    fn c_split(&self) -> u32 {
        (self.c_at(self.batch - 1, self.m - 1, self.n - 1) as u32 + 1).next_multiple_of(4)
    }
}

fn four(values: &[u32]) -> bool {
    values.iter().all(|v| v % 4 == 0)
}

/// The variant that the layout allows: A_MODE, VEC_B, VEC_C, K_TAIL.
fn variant(p: &Product, form: Form) -> Vec<(&'static str, u32)> {
    let lines = p.a[2] == 1 && four(&[p.off[0], p.a[0], p.a[1], p.k]);
    let rows = p.a[1] == 1 && four(&[p.off[0], p.a[0], p.a[2], p.m]);
    let vec_b = four(&[p.n, p.off[1], p.b[0], p.b[1]]);
    let vec_c = four(&[p.n, p.off[2], p.c[0], p.c[1]]);
    // A k below 4 is one step of its own length.
    let ku = if p.k < 4 && p.splits == 1 { p.k } else { 4 };
    let tail = !p.k.is_multiple_of(ku);
    let mut names = vec![("SPLIT", (p.splits > 1) as u32)];
    let flag = |name, on: bool| (name, u32::from(on));
    match form {
        Form::Lane { tm, vn, lx, wg } => {
            let mode = if lines { 1 } else { 2 * (rows && tm % 4 == 0) as u32 };
            names.extend([("TM", tm), ("VN", vn), ("LX", lx), ("WG", wg), ("A_MODE", mode)]);
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c), flag("K_TAIL", tail), ("KU", ku)]);
        }
        Form::Octet { r, vn, wide, b_uniform } => {
            let mode = if lines { 1 } else { 2 * (rows && r % 32 == 0) as u32 };
            names.extend([("R", r), ("VN", vn), ("A_MODE", mode), ("WIDE", wide as u32)]);
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c), flag("K_TAIL", tail), ("KU", ku)]);
            if b_uniform {
                assert!(vec_b, "a uniform B is read by vec4");
                let last = p.b_at(p.batch - 1, p.k - 1, p.n - 1) as u32;
                names.extend([("B_UNIFORM", 1), ("B_LEN", (last + 1) / 4)]);
            }
        }
        Form::Group { tm } => {
            names.extend([("TM", tm), ("A_MODE", 2 * rows as u32), ("K_TAIL", 1)]);
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c)]);
        }
        Form::RowDot { r, wg } => {
            let line = p.n == 1 && p.b[1] == 1 && four(&[p.off[1], p.b[0], p.k]);
            names.extend([("R", r), ("WG", wg), ("N", p.n), ("A_MODE", lines as u32)]);
            names.extend([flag("B_LINE", line), flag("K_TAIL", tail), ("KU", ku)]);
        }
    }
    names
}

/// Rows of one tile and workgroups along the columns.
fn tile(p: &Product, form: Form) -> (u32, u32) {
    match form {
        Form::Lane { tm, vn, lx, wg } => (tm * wg / lx, p.n.div_ceil(4 * vn * lx)),
        Form::Octet { r, vn, .. } => (r, p.n.div_ceil(32 * vn)),
        Form::Group { tm } => (tm, p.n.div_ceil(64)),
        Form::RowDot { r, wg } => (r * wg, 1),
    }
}

/// The dispatches: row_base, batch_base and grid.
fn dispatches(p: &Product, form: Form) -> Vec<(u32, u32, [u32; 3])> {
    let (rows, columns) = tile(p, form);
    let tiles = p.m.div_ceil(rows);
    let grid = |tiles, z| if matches!(form, Form::RowDot { .. }) { [tiles, 1, z] } else { [columns, tiles, z] };
    if !p.pieces {
        return vec![(0, 0, grid(tiles, p.batch * p.splits))];
    }
    let piece = |z| [(0, z, grid(1, 1)), (rows, z, grid(tiles - 1, 1))];
    (0..p.batch).flat_map(piece).collect()
}

const SENTINEL: u32 = 0x7fa5_a5a5;

const SCALED: &str = "@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;

fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {
    return acc * scale[row] + bias[col] + f32(batch);
}";

/// Random operands; every element that no matrix has is NaN, so that a wrong address shows.
fn operands(p: &Product, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut random = Random(seed);
    let len = |last: usize| (last + 1).next_multiple_of(4);
    let mut a = vec![f32::NAN.to_bits(); len(p.a_at(p.batch - 1, p.m - 1, p.k - 1))];
    let mut b = vec![f32::NAN.to_bits(); len(p.b_at(p.batch - 1, p.k - 1, p.n - 1))];
    for z in 0..p.batch {
        for k in 0..p.k {
            (0..p.m).for_each(|i| a[p.a_at(z, i, k)] = random.float().to_bits());
            (0..p.n).for_each(|j| b[p.b_at(z, k, j)] = random.float().to_bits());
        }
    }
    (a, b)
}

fn params(p: &Product, row_base: u32, batch_base: u32) -> Vec<u32> {
    let mut words = vec![p.m, p.n, p.k, p.batch, p.a[0], p.a[1], p.a[2], p.b[0], p.b[1], p.c[0], p.c[1]];
    words.extend(p.off);
    words.extend([row_base, batch_base, p.chunk(), p.c_split()]);
    words
}

/// Runs the product and returns C (all splits), padding included.
fn run(p: &Product, form: Form, a: &[u32], b: &[u32], checked: bool) -> Vec<u32> {
    let key = match form {
        Form::Lane { .. } => "matmul/lane",
        Form::Octet { .. } => "matmul/octet",
        Form::Group { .. } => "matmul/group",
        Form::RowDot { .. } => "matmul/row_dot",
    };
    let names = variant(p, form);
    let blocks: &[(&str, &str)] = if p.scaled { &[("EPILOGUE", SCALED)] } else { &[] };
    let source = compose(key, &names, blocks);
    let c = upload(&vec![SENTINEL; (p.c_split() * p.splits) as usize]);
    let (a, b) = (upload(a), upload(b));
    let calls: Vec<_> =
        dispatches(p, form).into_iter().map(|(row, batch, grid)| (params(p, row, batch), grid)).collect();
    if names.contains(&("B_UNIFORM", 1)) {
        calls.iter().for_each(|(params, grid)| dispatch_uniform(&source, [&a, &b, &c], params, *grid));
        return download(&c);
    }
    let (bias, scale) = factors(p);
    let factors = [bias, scale].map(|values| upload(bytemuck::cast_slice(&values)));
    let (mut access, mut buffers) = (vec![Access::Read, Access::Read, Access::ReadWrite], vec![&a, &b, &c]);
    if p.scaled {
        access.extend([Access::Read; 2]);
        buffers.extend(&factors);
    }
    dispatch(&kernel(source, access, 18, checked), &buffers, &calls);
    download(&c)
}

/// Bias of the columns and scale of the rows.
fn factors(p: &Product) -> (Vec<f32>, Vec<f32>) {
    let mut random = Random(77);
    ((0..p.n).map(|_| random.float()).collect(), (0..p.m).map(|_| random.float()).collect())
}

/// Each element against f64.
///
/// Bound. Each product enters at most k additions and one multiplication rounds it (fused: not even that): k + 1 roundings would
/// do, but the first addition is to an exact zero, hence gamma_k (lane.wgsl). Joining s splits adds s - 1 roundings. The epilogue
/// `acc * scale + bias + batch` adds three, and each of its terms passes at most those. The products are above 2^-46 or zero,
/// so nothing underflows.
fn check(p: &Product, form: Form, seed: u64, checked: bool) {
    let (a, b) = operands(p, seed);
    let c = run(p, form, &a, &b, checked);
    let again = run(p, form, &a, &b, checked);
    assert_eq!(c, again, "two runs differ: {p:?} {form:?}");
    let (bias, scale) = factors(p);
    let float = |v: &[u32], at: usize| f64::from(f32::from_bits(v[at]));
    let mut written = vec![false; c.len()];
    for (z, i, j) in (0..p.batch).flat_map(|z| (0..p.m).flat_map(move |i| (0..p.n).map(move |j| (z, i, j)))) {
        let (mut exact, mut size) = (0.0, 0.0);
        for k in 0..p.k {
            let product = float(&a, p.a_at(z, i, k)) * float(&b, p.b_at(z, k, j));
            exact += product;
            size += product.abs();
        }
        let mut got = 0.0f32;
        for s in 0..p.splits {
            let at = (s * p.c_split()) as usize + p.c_at(z, i, j);
            written[at] = true;
            got += f32::from_bits(c[at]);
        }
        let mut roundings = p.k + p.splits - 1;
        if p.scaled {
            let (bias, scale) = (f64::from(bias[j as usize]), f64::from(scale[i as usize]));
            exact = exact * scale + bias + f64::from(z);
            size = size * scale.abs() + bias.abs() + f64::from(z);
            roundings += 3;
        }
        let error = (f64::from(got) - exact).abs();
        let bound = gamma(roundings as usize) * size;
        assert!(
            error <= bound,
            "C[{z}, {i}, {j}] = {got}, exact {exact}: error {error:e} > {bound:e} in {p:?} {form:?}"
        );
    }
    for (at, written) in written.iter().enumerate() {
        assert!(*written || c[at] == SENTINEL, "element {at} outside C was written: {p:?} {form:?}");
    }
}

/// All forms that this adapter can run.
fn forms() -> Vec<Form> {
    let mut forms = vec![
        Form::Lane { tm: 1, vn: 1, lx: 8, wg: 8 },
        Form::Lane { tm: 4, vn: 2, lx: 4, wg: 8 },
        Form::Lane { tm: 8, vn: 1, lx: 16, wg: 64 },
        Form::Group { tm: 64 },
        Form::Group { tm: 16 },
    ];
    if octets() {
        forms.push(Form::Octet { r: 32, vn: 2, wide: false, b_uniform: false });
        if gpu().supports(Requirement::Int64) {
            forms.push(Form::Octet { r: 8, vn: 1, wide: true, b_uniform: false });
        }
    }
    forms
}

fn octets() -> bool {
    let able = gpu().supports(Requirement::Subgroups) && gpu().facts().subgroup_min >= 8;
    if !able {
        println!("skipped: the octet kernel needs subgroups of 8 or more invocations");
    }
    able
}

#[test]
fn edges_and_tiny_sizes() {
    let sizes =
        [(1, 1, 1), (1, 1, 5), (3, 2, 1), (7, 5, 3), (17, 13, 11), (65, 67, 33), (4, 4, 4), (9, 68, 20), (66, 4, 17)];
    for form in forms() {
        for (i, (m, n, k)) in sizes.into_iter().enumerate() {
            check(&Product::new(m, n, k, 1), form, i as u64, false);
        }
    }
}

#[test]
fn layouts_and_batches() {
    let mut broadcast_a = Product::new(12, 8, 6, 3);
    broadcast_a.a[0] = 0;
    let mut broadcast_b = Product::new(5, 12, 8, 4);
    broadcast_b.b[0] = 0;
    let mut padded = Product::new(6, 5, 7, 2);
    (padded.a, padded.b, padded.c, padded.off) = ([90, 11, 1], [70, 9], [64, 8], [3, 5, 7]);
    let mut padded_vec = Product::new(8, 12, 8, 2);
    (padded_vec.a, padded_vec.b, padded_vec.c, padded_vec.off) = ([96, 12, 1], [144, 16], [160, 20], [4, 8, 12]);
    let mut strided = Product::new(5, 4, 6, 1);
    strided.a = [400, 37, 5];
    let products = [
        broadcast_a,
        broadcast_b,
        padded,
        padded_vec,
        strided,
        Product::new(36, 24, 18, 2).transposed_a(),
        Product::new(33, 20, 9, 1).transposed_a(),
        Product::new(24, 24, 1, 7),
        Product::new(30, 26, 2, 5),
    ];
    for form in forms() {
        for (i, product) in products.iter().enumerate() {
            check(product, form, 100 + i as u64, false);
        }
    }
}

#[test]
fn splits_of_k() {
    for form in forms() {
        for (k, splits) in [(64, 4), (50, 3), (7, 5)] {
            let mut product = Product::new(12, 8, k, 2).transposed_a();
            product.splits = splits;
            check(&product, form, 200 + u64::from(k), false);
        }
    }
}

#[test]
fn epilogue_and_checked_modules() {
    for form in forms() {
        for (m, n, k) in [(6, 8, 8), (11, 9, 5)] {
            let mut product = Product::new(m, n, k, 2);
            product.scaled = true;
            check(&product, form, 300 + u64::from(m), true);
            check(&product, form, 300 + u64::from(m), false);
        }
    }
}

#[test]
fn few_columns() {
    for n in 1..=4 {
        for (m, k) in [(1, 1), (37, 8), (130, 9), (16, 64)] {
            for form in [Form::RowDot { r: 1, wg: 8 }, Form::RowDot { r: 4, wg: 16 }] {
                let mut product = Product::new(m, n, k, 2);
                product.scaled = n % 2 == 0;
                check(&product, form, 400 + u64::from(k), n == 3);
                let mut product = Product::new(m, n, k, 1).transposed_a();
                product.splits = 2;
                check(&product, form, 450 + u64::from(k), false);
            }
        }
    }
}

#[test]
fn pieces_of_a_large_grid() {
    let dot = Form::RowDot { r: 2, wg: 8 };
    for form in forms().into_iter().chain([dot]) {
        let n = if matches!(form, Form::RowDot { .. }) { 3 } else { 8 };
        let mut product = Product::new(70, n, 4, 2);
        (product.pieces, product.scaled) = (true, true);
        check(&product, form, 700, false);
    }
}

#[test]
fn uniform_operand() {
    if octets() {
        for wide in [false, gpu().supports(Requirement::Int64)] {
            check(&Product::new(40, 64, 64, 1), Form::Octet { r: 32, vn: 2, wide, b_uniform: true }, 500, false);
        }
    }
}

/// NaN and infinity reach exactly the elements that contain them: no padding of a tile multiplies them.
#[test]
fn special_values_stay_where_they_belong() {
    let product = Product::new(9, 10, 5, 1);
    let (mut a, mut b) = operands(&product, 600);
    a[product.a_at(0, 3, 4)] = f32::NAN.to_bits();
    a[product.a_at(0, 8, 4)] = f32::INFINITY.to_bits();
    b[product.b_at(0, 4, 9)] = f32::NEG_INFINITY.to_bits();
    for form in forms() {
        let c = run(&product, form, &a, &b, false);
        for (i, j) in (0..9).flat_map(|i| (0..10).map(move |j| (i, j))) {
            let got = f32::from_bits(c[product.c_at(0, i, j)]);
            match (i, j) {
                (3, _) => assert!(got.is_nan(), "[{i}, {j}] = {got} in {form:?}"),
                (8, _) | (_, 9) => assert!(got.is_infinite(), "[{i}, {j}] = {got} in {form:?}"),
                _ => assert!(got.is_finite(), "[{i}, {j}] = {got} in {form:?}"),
            }
        }
    }
}
