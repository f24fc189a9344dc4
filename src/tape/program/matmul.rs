//! interim
use super::elementwise::Generated;
use super::ir::matrix_layout;
use super::launch::Launch;
use super::place::Places;
use crate::error::{Error, Result};
use crate::tensor::Layout;
pub(super) struct Product {
    a: Layout,
    b: Layout,
    c: Layout,
}
impl Product {
    pub fn new(a: &Layout, b: &Layout, c: &Layout, t: [bool; 2]) -> Result<Self> {
        let m = |l: &Layout, t: bool| {
            matrix_layout(l)
                .map(|l| if t { l.permute(&[0, 2, 1]) } else { l })
                .ok_or_else(|| Error::argument("matmul", "x", "y"))
        };
        Ok(Product { a: m(a, t[0])?, b: m(b, t[1])?, c: m(c, false)? })
    }
}
pub(super) fn launches(
    label: &str,
    p: &Product,
    buffers: [usize; 3],
    _e: Option<()>,
    _places: &mut Places,
    _software: bool,
) -> Result<Vec<Launch>> {
    let text = "struct Params { m: u32, n: u32, k: u32, batch: u32, a0: u32, a1: u32, a2: u32, ao: u32, b0: u32, b1: u32, b2: u32, bo: u32, c0: u32, c1: u32, c2: u32, co: u32 }
#params Params
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let i = (wg.x + wg.y * n.x + wg.z * n.x * n.y) * 64u + l;
  if i >= params.batch * params.m * params.n { return; }
  let j = i % params.n; let r = (i / params.n) % params.m; let q = i / (params.n * params.m);
  var s = 0.0;
  for (var k = 0u; k < params.k; k++) { s += a[params.ao + q * params.a0 + r * params.a1 + k * params.a2] * b[params.bo + q * params.b0 + k * params.b1 + j * params.b2]; }
  c[params.co + q * params.c0 + r * params.c1 + j * params.c2] = s;
}
";
    let (m, n, k, batch) = (p.c.shape[1], p.c.shape[2], p.a.shape[2], p.c.shape[0]);
    let mut params = vec![m, n, k, batch];
    for l in [&p.a, &p.b, &p.c] {
        params.extend(&l.strides);
        params.push(l.offset);
    }
    let g = Generated {
        label: format!("matmul {label}"),
        text: text.into(),
        bindings: vec![(buffers[0], false), (buffers[1], false), (buffers[2], true)],
        params: super::launch::words(&params)?,
        groups: super::launch::groups_of_64(m * n * batch),
        faults: false,
    };
    Ok(vec![g.into()])
}
