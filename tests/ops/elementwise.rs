//! Every scalar operator on special values and random ones: all pairs of them for operators of two operands.

use crate::bounded::{compare, print_ratios, problems, record, variants};
use crate::{faults, none};
use fieldline::expr::{Binary, Type, Unary};
use fieldline::nn::HostRandom;
use fieldline::ops::{element_type, within};
use fieldline::tensor::{Array, DType, Data};

/// Zeros, subnormals, the ends of the normal range, neighbours of steps, poles and overflows, infinities, NaN.
pub const SPECIAL: [f32; 44] = [
    0.0,
    -0.0,
    1e-45,
    -1e-40,
    1.17e-38,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-30,
    -1e-20,
    1e-10,
    1e-5,
    -1e-3,
    0.1,
    -0.25,
    0.499_999_97,
    0.5,
    0.999_999_94,
    1.0,
    -1.0,
    1.000_000_1,
    1.5,
    -1.5,
    std::f32::consts::FRAC_PI_2,
    2.0,
    2.5,
    -3.0,
    std::f32::consts::PI,
    7.0,
    10.5,
    -20.0,
    87.3,
    -87.4,
    88.8,
    -103.9,
    1e4,
    8_388_609.0,
    16_777_216.0,
    -2_147_483_648.0,
    4_294_967_296.0,
    1e20,
    3e38,
    f32::MAX,
    -f32::MAX,
    f32::INFINITY,
];

/// Special values, then minus infinity and NaN, then random ones of all sizes.
fn reals(count: usize, seed: u64) -> Vec<f32> {
    let mut random = HostRandom::new(seed, 3);
    let mut values = SPECIAL.to_vec();
    values.extend([f32::NEG_INFINITY, f32::NAN]);
    let wide = (0..count).map(|i| {
        let scale = 2f64.powi(i as i32 % 61 - 30);
        (random.normal() * if i % 2 == 0 { 1.0 } else { scale }) as f32
    });
    values.extend(wide);
    values
}

const INTEGERS: [i32; 14] = [0, 1, -1, 2, -2, 3, 7, 31, 32, 33, 1 << 24, (1 << 24) + 1, i32::MAX, i32::MIN];

fn values(ty: Type, count: usize) -> Data {
    match ty {
        Type::F32 => Data::F32(reals(count, 1)),
        Type::I32 => Data::I32(INTEGERS.to_vec()),
        Type::U32 => Data::U32(INTEGERS.iter().map(|&v| v as u32).collect()),
        Type::Bool => Data::Bool(vec![false, true]),
    }
}

fn array(data: Data) -> Array {
    Array::new([data.len()], data).expect("as many as the shape says")
}

/// All pairs of elements of `data`.
fn pairs(data: &Data) -> [Array; 2] {
    let n = data.len();
    let pick = |position: &dyn Fn(usize) -> usize| {
        let order = (0..n * n).map(position);
        array(match data {
            Data::F32(v) => Data::F32(order.map(|i| v[i]).collect()),
            Data::I32(v) => Data::I32(order.map(|i| v[i]).collect()),
            Data::U32(v) => Data::U32(order.map(|i| v[i]).collect()),
            Data::Bool(v) => Data::Bool(order.map(|i| v[i]).collect()),
        })
    };
    [pick(&|i| i / n), pick(&|i| i % n)]
}

const TYPES: [Type; 4] = [Type::F32, Type::I32, Type::U32, Type::Bool];

#[test]
fn operators_of_one_operand() {
    use Unary::*;
    let all = [
        Neg, Abs, Sign, Floor, Ceil, Trunc, Round, Sqrt, Exp, Log, Sin, Cos, Tanh, Erf, Not, BitNot, IsFinite, IsNan,
        Bits, FromBits,
    ];
    let mut found = Vec::new();
    for op in all {
        for ty in TYPES.into_iter().filter(|&ty| op.result(ty).is_some()) {
            let x = array(values(ty, 1000));
            found.extend(faults(&format!("unary {op:?} {ty}"), &[x], |_, x| {
                x[0].map_with(&[], |d, x| d.unary(op, x[0]))
            }));
        }
    }
    print_ratios("unary");
    none(found);
}

#[test]
fn operators_of_two_operands() {
    use Binary::*;
    let all = [Add, Sub, Mul, Div, Rem, Pow, Min, Max, Eq, Ne, Lt, Le, Gt, Ge, And, Or, Xor, Shl, Shr, MulHi];
    let mut found = Vec::new();
    for op in all {
        for ty in TYPES.into_iter().filter(|&ty| op.result(ty, ty).is_some()) {
            let name = format!("binary {op:?} {ty}");
            let operands = pairs(&values(ty, 40));
            if ty.is_integer() && matches!(op, Div | Rem) {
                // Divisors that trusted kernels do not guard have a test of their own.
                let operands = guarded(&operands, false);
                found.extend(faults(&name, &operands, |_, x| x[0].map_with(&[&x[1]], |d, x| d.binary(op, x[0], x[1]))));
                continue;
            }
            found.extend(faults(&name, &operands, |_, x| x[0].map_with(&[&x[1]], |d, x| d.binary(op, x[0], x[1]))));
        }
    }
    print_ratios("binary");
    none(found);
}

/// The pairs of integers with a divisor of zero or a quotient that wraps, or the others.
fn guarded([a, b]: &[Array; 2], wanted: bool) -> [Array; 2] {
    let (x, y) = (a.to_f64(), b.to_f64());
    let needs = |&i: &usize| (y[i] == 0.0 || (x[i] == f64::from(i32::MIN) && y[i] == -1.0)) == wanted;
    let keep: Vec<usize> = (0..x.len()).filter(needs).collect();
    let pick = |data: &Data| match data {
        Data::I32(v) => Data::I32(keep.iter().map(|&i| v[i]).collect()),
        Data::U32(v) => Data::U32(keep.iter().map(|&i| v[i]).collect()),
        other => other.clone(),
    };
    [array(pick(a.data())), array(pick(b.data()))]
}

/// `x / 0 = x`, `x % 0 = 0`, `i32::MIN / -1 = i32::MIN`, `i32::MIN % -1 = 0`, as `Binary::Div` and `Binary::Rem` promise.
fn divisors_that_need_a_guard(only_checked: bool) -> Vec<String> {
    let mut found = Vec::new();
    for op in [Binary::Div, Binary::Rem] {
        for ty in [Type::I32, Type::U32] {
            let operands = guarded(&pairs(&values(ty, 0)), true);
            let tape = record("division", &operands, |_, x| x[0].map_with(&[&x[1]], |d, x| d.binary(op, x[0], x[1])));
            for (variant, gpu) in variants().iter().filter(|(_, gpu)| gpu.checked() || !only_checked) {
                let name = format!("{op:?} {ty} by zero");
                found.extend(compare(gpu, &tape, &operands).iter().flat_map(|c| problems(&name, variant, c)));
            }
        }
    }
    found
}

#[test]
fn checked_kernels_guard_divisors() {
    none(divisors_that_need_a_guard(true));
}

#[test]
fn trusted_kernels_guard_divisors() {
    none(divisors_that_need_a_guard(false));
}

#[test]
fn casts_and_selects() {
    let mut found = Vec::new();
    for from in TYPES {
        for to in TYPES {
            // A NaN has no integer.
            let x = match values(from, 1000) {
                Data::F32(v) if to != Type::F32 => Data::F32(v.into_iter().filter(|x| !x.is_nan()).collect()),
                other => other,
            };
            let dtype = element_type(to);
            found.extend(faults(&format!("cast {from} to {to}"), &[array(x)], |_, x| x[0].cast(dtype)));
        }
        let [a, b] = pairs(&values(from, 40));
        let flags = array(Data::Bool((0..a.shape().elements()).map(|i| i % 3 == 0).collect()));
        found.extend(faults(&format!("select {from}"), &[flags, a, b], |_, x| x[0].select(&x[1], &x[2])));
    }
    print_ratios("cast");
    print_ratios("select");
    none(found);
}

#[test]
fn sizes() {
    let mut found = Vec::new();
    for shape in
        [&[0][..], &[1], &[2], &[7], &[63], &[64], &[65], &[251], &[2, 0, 3], &[1, 1], &[3, 1, 5], &[13, 17, 3]]
    {
        let x = crate::bounded::normal(5, shape);
        found.extend(faults("sizes", &[x.clone(), x], |_, x| (&x[0] * &x[1] + 0.1).exp() - &x[0]));
    }
    print_ratios("sizes");
    none(found);
}

#[test]
fn the_comparison_itself_rejects_what_is_wrong() {
    assert!(within(1.0, 1.0, 0.0) && within(f64::NAN, f64::NAN, 0.0) && within(f64::INFINITY, f64::INFINITY, 0.0));
    assert!(!within(1.0, f64::INFINITY, 0.0) && !within(f64::NAN, 1.0, 10.0) && !within(f64::NAN, f64::INFINITY, 0.0));
    assert!(!within(-f64::INFINITY, f64::INFINITY, 1.0) && !within(1.1, 1.0, 0.0999) && within(1.1, 1.0, 0.11));
    assert!(within(f64::NAN, 1.0, f64::INFINITY));
    assert_eq!(element_type(Type::F32), DType::F32);
}
