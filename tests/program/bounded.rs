//! Running a tape on devices and holding every result against its derived bound.

use fieldline::gpu::{Gpu, Options, Selector};
use fieldline::nn::HostRandom;
use fieldline::ops::{HostArray, within};
use fieldline::tape::program::Program;
use fieldline::tape::{Recorder, Tape, Var};
use fieldline::tensor::{Array, DType};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock};

/// The dtype of most arguments.
pub const F32: DType = DType::F32;

/// The device as the environment asks for it.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| Gpu::new(&Selector::Auto).unwrap_or_else(|e| panic!("{e}")))
}

/// Normal f32 elements.
pub fn normal(seed: u64, shape: &[usize]) -> Array {
    let mut random = HostRandom::new(seed, 9);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.normal() as f32).collect();
    Array::f32(shape.to_vec(), values).expect("as many values as elements")
}

/// All features and portable only, trusted and checked kernels.
pub fn variants() -> &'static [(&'static str, Gpu)] {
    static GPUS: OnceLock<Vec<(&'static str, Gpu)>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let open = |portable, checked| {
            let options = Options { portable, checked, ..Options::default() };
            Gpu::with_options(&options).unwrap_or_else(|e| panic!("{e}"))
        };
        vec![
            ("full", open(false, false)),
            ("full, checked", open(false, true)),
            ("portable", open(true, false)),
            ("portable, checked", open(true, true)),
        ]
    })
}

/// Whoever holds it has the devices for itself: a read that another thread's poll serves may be reported as failed (see
/// `tests/ops/threads.rs`), which is no matter of bounds.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|e| e.into_inner())
}

/// Compiles `tape` for `gpu`, runs it `times` times and reads its outputs after each.
pub fn run_on(gpu: &Gpu, tape: &Tape, arguments: &[Array], times: usize) -> Vec<Vec<Array>> {
    let _turn = turn();
    let program = Program::compile(gpu, tape, &[]).unwrap_or_else(|e| panic!("{e}\n{tape}"));
    let names: Vec<String> = tape.inputs().map(|(name, _)| name.to_string()).collect();
    for (name, array) in names.iter().zip(arguments) {
        program.write(name, array).unwrap_or_else(|e| panic!("{e}"));
    }
    let once = |_| {
        program.run().unwrap_or_else(|e| panic!("{e}\n{tape}"));
        let read = |(name, _)| program.read_unchecked(name).unwrap_or_else(|e| panic!("{e}"));
        tape.outputs().map(read).collect()
    };
    (0..times).map(once).collect()
}

/// One output: what the device gave, the f64 value, and the bound of their distance.
pub struct Compared {
    pub got: Vec<f64>,
    pub exact: Vec<f64>,
    pub bound: Vec<f64>,
}

impl Compared {
    /// The elements that are not within their bounds.
    fn failures(&self) -> Vec<usize> {
        let bad = |&i: &usize| !within(self.got[i], self.exact[i], self.bound[i]);
        (0..self.got.len()).filter(bad).collect()
    }

    /// The largest error as a part of its bound, over the elements that have a finite bound above zero. A flushed subnormal
    /// uses all of its bound, which says nothing of the rest, and is left out.
    fn ratio(&self) -> f64 {
        let each = self.got.iter().zip(&self.exact).zip(&self.bound);
        let known = each.filter(|((g, e), b)| **b > 2f64.powi(-124) && b.is_finite() && g.is_finite() && e.is_finite());
        known.map(|((g, e), b)| (g - e).abs() / b).fold(0.0, f64::max)
    }

    /// How many elements are promised something.
    pub fn bounded(&self) -> usize {
        self.bound.iter().filter(|b| b.is_finite()).count()
    }
}

/// Runs `tape` on `gpu` and in f64 with bounds.
pub fn compare(gpu: &Gpu, tape: &Tape, arguments: &[Array]) -> Vec<Compared> {
    let host: Vec<HostArray> = arguments.iter().map(HostArray::from).collect();
    let exact = tape.bounds(&host).unwrap_or_else(|e| panic!("{e}\n{tape}"));
    let got = run_on(gpu, tape, arguments, 1).remove(0);
    let each = got.into_iter().zip(exact).map(|(got, (value, bound))| {
        assert_eq!(got.shape(), &value.shape, "shape of a result");
        assert_eq!(got.dtype(), value.spec().dtype, "dtype of a result");
        Compared { got: got.to_f64(), exact: value.to_f64(), bound }
    });
    each.collect()
}

/// What was seen of the results of one name.
#[derive(Default)]
struct Seen {
    /// Largest error/bound.
    ratio: f64,
    bounded: usize,
    elements: usize,
}

fn seen() -> &'static Mutex<BTreeMap<String, Seen>> {
    static SEEN: OnceLock<Mutex<BTreeMap<String, Seen>>> = OnceLock::new();
    SEEN.get_or_init(Mutex::default)
}

/// What is wrong with a result; its part of the bound is noted under `name`.
pub fn problems(name: &str, context: &str, compared: &Compared) -> Vec<String> {
    let mut table = seen().lock().unwrap_or_else(|e| e.into_inner());
    let entry = table.entry(name.to_string()).or_default();
    entry.ratio = entry.ratio.max(compared.ratio());
    entry.bounded += compared.bounded();
    entry.elements += compared.bound.len();
    let bad = compared.failures();
    let Compared { got, exact, bound } = compared;
    let say =
        |&i: &usize| format!("{name} [{context}], element {i}: {:e}, f64 {:e}, bound {:e}", got[i], exact[i], bound[i]);
    bad.iter().take(3).map(say).collect()
}

/// Prints the largest error/bound of the names that begin with `prefix`; of each, half of the elements at least must have had a
/// finite bound, or the comparison says little.
#[track_caller]
pub fn print_ratios(prefix: &str) {
    let table = seen().lock().unwrap_or_else(|e| e.into_inner());
    for (name, s) in table.iter().filter(|(name, _)| name.starts_with(prefix)) {
        println!("{name:<32} largest error/bound {:.3}, {} of {} bounded", s.ratio, s.bounded, s.elements);
    }
    let vague = |(_, s): &(&String, &Seen)| 2 * s.bounded < s.elements;
    let found: Vec<&String> =
        table.iter().filter(|(n, _)| n.starts_with(prefix)).filter(vague).map(|(n, _)| n).collect();
    assert!(found.is_empty(), "bounds that mostly say nothing: {found:?}");
}

/// Runs `tape` once on the device and in f64; every element lies within its bound.
#[track_caller]
pub fn both(name: &str, tape: &Tape, arguments: &[Array]) -> Vec<Compared> {
    let compared = compare(gpu(), tape, arguments);
    compared.iter().for_each(|c| println!("{name}: largest error/bound {:.4}", c.ratio()));
    let found: Vec<String> = compared.iter().flat_map(|c| problems(name, "default", c)).collect();
    assert!(found.is_empty(), "{}\n{tape}", found.join("\n"));
    compared
}

/// The device's result of `f` on normal arguments lies within its bound everywhere, and every bound is finite.
#[track_caller]
pub fn check(name: &str, shapes: &[&[usize]], f: impl Fn(&Recorder, &[Var]) -> Var) {
    let arguments: Vec<Array> = shapes.iter().enumerate().map(|(i, s)| normal(80 + i as u64, s)).collect();
    check_on(name, &arguments, f);
}

/// As [`check`], on given arguments.
#[track_caller]
pub fn check_on(name: &str, arguments: &[Array], f: impl Fn(&Recorder, &[Var]) -> Var) {
    let compared = both(name, &record(name, arguments, f), arguments).remove(0);
    assert_eq!(compared.bounded(), compared.bound.len(), "{name}: a bound that says nothing");
}

/// The tape of `f` for inputs `x0, x1, ..` like `arguments`, with the output `y`.
#[track_caller]
pub fn record(name: &str, arguments: &[Array], f: impl Fn(&Recorder, &[Var]) -> Var) -> Tape {
    Tape::record(|r| {
        let each = arguments.iter().enumerate();
        let inputs: Vec<Var> = each.map(|(i, a)| r.input(&format!("x{i}"), a.shape().clone(), a.dtype())).collect();
        r.output("y", &f(r, &inputs));
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{name}: {e}"))
}
