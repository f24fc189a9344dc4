//! The printed WGSL is what naga accepts, and constants come through exactly.

use crate::programs::{INPUTS, NAMES, Program};
use crate::simplifier::{bytes, config};
use fieldline::expr::{Dag, Function, Type, Unary, Wgsl, parse};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use proptest::prelude::*;

/// The library functions that printed code may call, with bodies that only type.
const STUBS: &str = "
fn fl_exp(x: f32) -> f32 { return x; }
fn fl_log(x: f32) -> f32 { return x; }
fn fl_sin(x: f32) -> f32 { return x; }
fn fl_cos(x: f32) -> f32 { return x; }
fn fl_tanh(x: f32) -> f32 { return x; }
fn fl_erf(x: f32) -> f32 { return x; }
fn fl_pow(x: f32, y: f32) -> f32 { return x + y; }
fn fl_mulhi(x: u32, y: u32) -> u32 { return x + y; }
";

fn module(source: &str) -> naga::Module {
    let module =
        naga::front::wgsl::parse_str(source).unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    let checked = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    checked.unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    module
}

/// A shader around printed code.
fn shader(wgsl: &Wgsl, inputs: &[(&str, Type)]) -> String {
    let parameters: Vec<String> = inputs.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    let uses: String = wgsl.outputs.iter().map(|o| format!("    _ = {o};\n")).collect();
    format!("{STUBS}{}fn f({}) {{\n{}{uses}}}\n", wgsl.functions, parameters.join(", "), wgsl.body)
}

fn print(dag: &Dag, inputs: &[(&str, Type)]) -> Wgsl {
    dag.to_wgsl(&inputs.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn programs_are_valid_wgsl(bytes in bytes()) {
        let names: Vec<(&str, Type)> = NAMES.into_iter().zip(INPUTS).collect();
        module(&shader(&print(&Program::new(&bytes).dag(), &names), &names));
    }

    #[test]
    fn constants_come_through_exactly(bits in any::<u32>()) {
        constant_round_trip(f32::from_bits(bits));
    }
}

/// Prints a constant, reads it by naga and compares the bits.
fn constant_round_trip(value: f32) {
    let mut dag = Dag::new();
    let id = dag.f32(value.into());
    dag.output(id);
    let wgsl = dag.to_wgsl(&[]);
    if !value.is_finite() {
        let canonical = if value.is_nan() { f32::NAN } else { value };
        assert_eq!(wgsl.outputs[0], format!("fl_expr_f32({:#x}u)", canonical.to_bits()));
        module(&shader(&wgsl, &[]));
        return;
    }
    let source = format!("const c = {};", wgsl.outputs[0]);
    let module = module(&source);
    let (_, constant) = module.constants.iter().next().unwrap();
    match module.global_expressions[constant.init] {
        naga::Expression::Literal(naga::Literal::F32(read)) => assert_eq!(read.to_bits(), value.to_bits(), "{source}"),
        ref other => panic!("{source} is {other:?}"),
    }
}

#[test]
fn special_constants_come_through_exactly() {
    let tiny = f32::from_bits(1);
    for value in
        [0.0, -0.0, 1.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, tiny, -tiny, 16_777_217.0, 1e10, 0.1, f32::EPSILON]
    {
        constant_round_trip(value);
    }
    for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        constant_round_trip(value);
    }
    // The nearest f32 of an f64, halfway cases included.
    let mut dag = Dag::new();
    for value in [0.1, 1.0 + 2f64.powi(-24), 1.0 + 3.0 * 2f64.powi(-24), std::f64::consts::PI] {
        let id = dag.f32(value);
        dag.output(id);
    }
    assert_eq!(dag.to_wgsl(&[]).outputs, ["0.1f", "1.0f", "1.0000002f", "3.1415927f"]);
    let mut dag = Dag::new();
    for id in [dag.i32(i32::MIN), dag.i32(-7), dag.i32(i32::MAX), dag.u32(u32::MAX), dag.bool(true)] {
        dag.output(id);
    }
    let wgsl = dag.to_wgsl(&[]);
    assert_eq!(wgsl.outputs, ["i32(-2147483648)", "(-7i)", "2147483647i", "4294967295u", "true"]);
    module(&shader(&wgsl, &[]));
}

#[test]
fn what_cannot_be_folded_is_left_to_the_device() {
    let names = [("x", Type::F32)];
    for text in [
        "1/0",
        "0/0",
        "1e30*1e30",
        "log(0)",
        "sqrt(-1)",
        "exp(1000)",
        "min(1/0, x)",
        "frombits(0x7f800000u)",
        "i32(0/0)",
        "1e38*10 < x",
        "frombits(0x7fc00000u) == 1",
        "sign(frombits(0x7fc00000u))",
    ] {
        module(&shader(&print(&parse(text, "test", &names).unwrap(), &names), &names));
    }
}

#[test]
fn only_used_nodes_are_printed_and_imports_are_named() {
    let mut dag = parse("tanh(x)*pow(y, 2.5) + erf(x)", "test", &[("x", Type::F32), ("y", Type::F32)]).unwrap();
    let x = dag.input_ids()[0];
    dag.unary(Unary::Exp, x).unwrap();
    let wgsl = dag.to_wgsl_prefixed(&["a".into(), "b".into()], "t");
    let body = "    let t0 = fl_tanh(a);\n    let t1 = fl_pow(b, 2.5f);\n    let t2 = t0 * t1;\n    let t3 = fl_erf(a);\n    \
                let t4 = t2 + t3;\n";
    assert_eq!(wgsl.body, body);
    assert_eq!(wgsl.outputs, ["t4"]);
    assert_eq!(wgsl.imports.into_iter().collect::<Vec<_>>(), ["lib/math/erf", "lib/math/pow", "lib/math/tanh"]);
    assert!(wgsl.functions.is_empty());
}

#[test]
fn functions_are_declared_once_with_what_they_call() {
    let inner = Function::new("swing", &parse("x*sin(x)", "body", &[("x", Type::F32)]).unwrap()).unwrap();
    let other = Function::new("swing", &parse("x*cos(x)", "body", &[("x", Type::F32)]).unwrap()).unwrap();
    assert_ne!(inner.wgsl_name(), other.wgsl_name());
    let mut body = Dag::new();
    let (x, n) = (body.input(Type::F32), body.input(Type::Bool));
    let (a, b) = (body.call(&inner, &[x]).unwrap(), body.call(&other, &[x]).unwrap());
    let chosen = body.select(n, a, b).unwrap();
    body.output(chosen);
    let outer = Function::new("outer", &body).unwrap();
    let mut dag = Dag::new();
    let (x, n) = (dag.input(Type::F32), dag.input(Type::Bool));
    let first = dag.call(&outer, &[x, n]).unwrap();
    let second = dag.call(&inner, &[first]).unwrap();
    dag.output(second);
    let slope = dag.derivative(second, 0).unwrap();
    dag.output(slope);
    let names = [("x", Type::F32), ("n", Type::Bool)];
    let wgsl = print(&dag, &names);
    // swing twice, outer, the slope of each.
    assert_eq!(wgsl.definitions.len(), 6);
    assert_eq!(wgsl.functions.matches("fn ").count(), 6);
    assert_eq!(wgsl.imports.iter().copied().collect::<Vec<_>>(), ["lib/math/cos", "lib/math/sin"]);
    module(&shader(&wgsl, &names));
}
