//! The variants in which each kernel is used: values for its names and texts for its `#insert`s.

/// One variant.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    pub names: Vec<(&'static str, u32)>,
    pub blocks: Vec<(&'static str, &'static str)>,
}

/// A function of each result that reads an operand of its own, as a fused bias does, and the parameter that says where.
const EPILOGUE: &str = "@group(0) @binding(3) var<storage, read> bias: array<f32>;
fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {
    return acc + bias[params.bias_offset + col];
}";

const EPILOGUE_PARAMS: &str = "    bias_offset: u32,";

/// A map that a reduction reads instead of an array: the product of two arrays, which occupy bindings 0 and 1.
const LOAD: &str = "@group(0) @binding(0) var<storage, read> left: array<f32>;
@group(0) @binding(1) var<storage, read> right: array<f32>;
fn load(index: u32) -> f32 {
    return left[index] * right[index];
}
fn load4(index: u32) -> vec4<f32> {
    return vec4<f32>(load(index), load(index + 1u), load(index + 2u), load(index + 3u));
}";

/// The combinations of flags that matter for one kernel: every flag alone, none and all together, on top of `base`.
fn combine(base: &[(&'static str, u32)], flags: &[&'static str]) -> Vec<Variant> {
    let with = |on: &[&'static str]| {
        let names = base.iter().copied().chain(on.iter().map(|flag| (*flag, 1))).collect();
        Variant { names, blocks: Vec::new() }
    };
    let mut all: Vec<Variant> = flags.iter().map(|flag| with(&[flag])).collect();
    all.push(with(&[]));
    all.push(with(flags));
    all
}

/// The variants of the kernel `key`; none where the table does not know it.
pub fn of(key: &str) -> Vec<Variant> {
    match key {
        "matmul/lane" | "matmul/octet" | "matmul/group" | "matmul/row_dot" => matmul(key),
        "reduce/rows" | "reduce/rows_group" | "reduce/columns" => reduce(),
        "movement/gather" | "movement/scatter_add" => ["alias T = f32;", "alias T = u32;", "alias T = i32;"]
            .map(|element| Variant { names: vec![], blocks: vec![("ELEMENT", element)] })
            .into(),
        "movement/iota" | "random/bits" | "test/increment" | "test/params" => vec![Variant::default()],
        _ => Vec::new(),
    }
}

fn matmul(key: &str) -> Vec<Variant> {
    let mut all = Vec::new();
    for mode in 0..3 {
        let variants = match key {
            "matmul/lane" => {
                let base = [("TM", 4), ("VN", 2), ("LX", 8), ("WG", 8), ("A_MODE", mode)];
                combine(&base, &["VEC_B", "VEC_C", "K_TAIL", "SPLIT"])
            }
            "matmul/octet" => {
                let base = [("R", 32), ("VN", 1), ("A_MODE", mode), ("B_LEN", 16), ("VEC_B", 1)];
                combine(&base, &["VEC_C", "SPLIT", "WIDE", "B_UNIFORM", "K_TAIL"])
            }
            "matmul/group" => {
                let base = [("TM", 64), ("A_MODE", mode & 2), ("K_TAIL", 1)];
                combine(&base, &["VEC_B", "VEC_C", "SPLIT"])
            }
            _ => {
                let line = [("R", 2), ("WG", 64), ("N", 1), ("A_MODE", mode & 1)];
                let several = [("R", 2), ("WG", 64), ("N", 3), ("KU", 2), ("A_MODE", 0)];
                [combine(&line, &["B_LINE", "WIDE", "SPLIT"]), combine(&several, &["SPLIT", "K_TAIL"])].concat()
            }
        };
        let blocks = vec![("EPILOGUE", EPILOGUE), ("EPILOGUE_PARAMS", EPILOGUE_PARAMS)];
        all.extend(variants.iter().map(|variant| Variant { blocks: blocks.clone(), ..variant.clone() }));
        // A k below 4 is one step; A_MODE 1 loads four of k at once.
        if matches!(key, "matmul/lane" | "matmul/octet") && mode != 1 {
            let short = variants.iter().filter(|variant| !variant.names.contains(&("K_TAIL", 1))).cloned();
            all.extend(short.map(|mut variant| {
                variant.names.push(("KU", 3));
                variant
            }));
        }
        all.extend(variants);
    }
    all
}

fn reduce() -> Vec<Variant> {
    let mut all = Vec::new();
    for dtype in 0..3 {
        for sum in 0..2 {
            let base = |columns, vector| {
                [("WG", 64), ("DTYPE", dtype), ("OUT", 1), ("SUM", sum), ("COLS", columns), ("VEC", vector)]
            };
            let flags = ["FROM_STATE", "TO_STATE", "SMALLEST", "ARG", "FLAT", "CHUNK_LANES"];
            all.extend(combine(&base(1, 0), &flags));
            all.extend(combine(&base(4, 1), &["WIDE", "TO_STATE", "ARG"]));
        }
    }
    let fused = |columns, vector| {
        let names = vec![("WG", 64), ("DTYPE", 0), ("OUT", 2), ("SUM", 1), ("COLS", columns), ("VEC", vector)];
        Variant { names, blocks: vec![("LOAD", LOAD)] }
    };
    all.extend([fused(1, 0), fused(4, 1)]);
    all
}
