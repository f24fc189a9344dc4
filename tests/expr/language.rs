//! The expression language: values, messages, and texts that nobody meant.

use crate::programs::{INPUTS, NAMES, Program, inputs};
use crate::reference;
use crate::simplifier::{bytes, config};
use fieldline::Error;
use fieldline::expr::{Dag, Type, Value, identifiers, parse};
use proptest::prelude::*;

const XYZ: [(&str, Type); 4] = [("x", Type::F32), ("y", Type::F32), ("u_xx", Type::F32), ("b", Type::Bool)];

fn value(text: &str) -> Value {
    let dag = parse(text, "test", &XYZ).unwrap_or_else(|e| panic!("{e}"));
    dag.eval(&[Value::F32(2.0), Value::F32(3.0), Value::F32(5.0), Value::Bool(true)])[0]
}

#[test]
fn texts_have_their_values() {
    let e = std::f64::consts::E;
    for (text, expected) in [
        ("1", 1.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("1e-3", 1e-3),
        ("1.5E+2", 150.0),
        ("x + 2*y", 8.0),
        ("x - y - 1", -2.0),
        ("12/x/y", 2.0),
        ("7 % y", 1.0),
        ("-x^2", -4.0),
        ("(-x)^2", 4.0),
        ("2^3^2", 512.0),
        ("2**-x", 0.25),
        ("-2^-x*3", -0.75),
        ("--x", 2.0),
        ("+x", 2.0),
        ("2 - -x", 4.0),
        ("if(x < y, u_xx, 7)", 5.0),
        ("where(x > y and b, 1, 2)", 2.0),
        ("if(not b || x == 2 && y != 3, 1, 2)", 2.0),
        ("if(!b, 1, 2)", 2.0),
        ("if(x ≤ 2, 1, 2)", 1.0),
        ("min(x, y) + max(x, y) + pow(x, y)", 13.0),
        ("abs(-x) + sign(-y) + floor(2.5) + ceil(2.5) + trunc(-2.5) + round(2.5)", 2.0 - 1.0 + 2.0 + 3.0 - 2.0 + 2.0),
        ("sqrt(x*8) + exp(0) + log(e) + ln(1) + log10(1000)", 4.0 + 1.0 + 1.0 + 0.0 + 3.0),
        ("sin(pi/2) + cos(tau) + tan(0) + tanh(0) + sinh(0) + cosh(0) + erf(0) + erfc(0)", 4.0),
        ("sigmoid(0) + gelu(0) + relu(-1) + relu(x) + square(y) + silu(0)", 11.5),
        ("recip(x) + softplus(0)/ln(2)", 1.5),
        ("e", e),
        ("a = x*y; c = a + 1;\n a*c", 42.0),
        ("f32(7i/2i) + f32(0x10u) + f32(b)", 20.0),
        ("frombits(bits(x))", 2.0),
    ] {
        let Value::F32(got) = value(text) else { panic!("{text} is no f32") };
        // At most ten operations on numbers of at most the result's size or 10.
        assert!(
            (got - expected).abs() <= 10.0 * f64::EPSILON * expected.abs().max(10.0),
            "{text}: {got} against {expected}"
        );
    }
    assert_eq!(value("x < y"), Value::Bool(true));
    assert_eq!(value("not x < y"), Value::Bool(false));
    assert_eq!(value("xor(b, x < y)"), Value::Bool(false));
    assert_eq!(value("isnan(0/0) and isfinite(x)"), Value::Bool(true));
}

#[test]
fn names_come_before_constants_and_inputs_keep_their_order() {
    let dag = parse("e + 1", "test", &[("q", Type::F32), ("e", Type::F32)]).unwrap();
    assert_eq!(dag.eval(&[Value::F32(9.0), Value::F32(4.0)]), [Value::F32(5.0)]);
    let greek = parse("ν*u", "test", &[("ν", Type::F32), ("u", Type::F32)]).unwrap();
    assert_eq!(greek.eval(&[Value::F32(0.5), Value::F32(4.0)]), [Value::F32(2.0)]);
    assert!(matches!(parse("x", "test", &[("x", Type::F32), ("x", Type::F32)]), Err(Error::Argument { .. })));
}

/// The error of a text: its message, line and column.
fn error(text: &str) -> (String, usize, usize) {
    match parse(text, "residual", &XYZ) {
        Err(Error::Parse { message, place }) => {
            assert_eq!(place.source, "residual");
            (message, place.line, place.column)
        }
        other => panic!("{text}: expected a parse error, got {other:?}"),
    }
}

#[test]
fn errors_say_what_and_where() {
    for (text, column, part) in [
        ("", 1, "empty"),
        ("  ", 1, "empty"),
        ("x + ", 5, "the end of the text"),
        ("x + * y", 5, "`*`"),
        ("x y", 3, "expected an operator"),
        ("2x", 2, "a product is written `*`"),
        ("1.2.3", 4, "after the number"),
        ("1e", 2, "exponent"),
        ("1e99", 1, "outside the range of f32"),
        ("3000000000i", 1, "outside the range of i32"),
        ("(x + y", 1, "not closed"),
        ("sin(x", 4, "not closed"),
        ("x + y)", 6, "there is no `(`"),
        ("max(x y)", 7, "`y`"),
        ("()", 2, "`)`"),
        ("u_xy + 1", 1, "did you mean `u_xx`? (known: x, y, u_xx, b)"),
        ("x + q", 5, "unknown name `q`"),
        ("tahn(x)", 1, "unknown function `tahn`"),
        ("tanhh(x)", 1, "did you mean `tanh`?"),
        ("frobnicate(x)", 1, "unknown function `frobnicate`"),
        ("x(y)", 1, "`x` is no function"),
        ("sin", 1, "`sin` is a function"),
        ("sin()", 1, "takes 1 argument, got 0"),
        ("max(x)", 1, "takes 2 arguments, got 1"),
        ("if(b, x)", 1, "takes 3 arguments, got 2"),
        ("x + b", 3, "`+` takes two numbers of one type, got f32 and bool"),
        ("-b", 1, "`-` takes a number, got bool"),
        ("sin(b)", 1, "`sin` takes an f32, got bool"),
        ("gelu(b)", 1, "`gelu` takes an f32, got bool"),
        ("not x", 1, "`not` takes a bool"),
        ("x and y", 3, "`and` takes two bools"),
        ("if(x, 1, 2)", 1, "`if` takes a bool and two values of one type, got f32, f32, f32"),
        ("x + 1i", 3, "`f32(..)`"),
        ("x < y < 2", 7, "do not chain"),
        ("x = y", 6, "`;`"),
        ("x = y; x", 1, "the name of an input"),
        ("a = 1; a = 2; a", 8, "defined twice"),
        ("(x = y)", 4, "`=`"),
        ("x == y = 2", 8, "equality is written `==`"),
        ("x & y", 3, "`and`"),
        ("x $ y", 3, "no part of an expression"),
        ("\"x\"", 1, "without quotes"),
        ("and", 1, "`and`"),
    ] {
        let (message, line, at) = error(text);
        assert!(message.contains(part), "{text:?}: {message}");
        assert_eq!((line, at), (1, column), "{text:?}: {message}");
    }
    let (message, line, column) = error("x +\n  νν*y");
    assert!(message.contains("unknown name"));
    assert_eq!((line, column), (2, 3));
    let shown = parse("x +\n  q*y", "residual", &XYZ).unwrap_err().to_string();
    assert!(shown.ends_with("--> residual:2:3\n    q*y\n    ^"), "{shown}");
}

#[test]
fn nesting_is_bounded_and_length_is_not() {
    for (open, close) in [("(", ")"), ("-", ""), ("sin(", ")"), ("2^", ""), ("!", ""), ("not ", ""), ("max(1,", ")")] {
        let deep = |n: usize| format!("{}x{}", open.repeat(n), close.repeat(n));
        let (message, ..) = error(&deep(100_000));
        assert!(message.contains("more than 200 levels"), "{message}");
        if !["!", "not "].contains(&open) {
            assert!(parse(&deep(200), "test", &XYZ).is_ok(), "{open}");
        }
    }
    let long = vec!["x*y"; 100_000].join(" - ");
    let dag = parse(&long, "test", &XYZ).unwrap();
    let text = dag.to_text(&XYZ.map(|(name, _)| name));
    let again = parse(&text, "test", &XYZ).unwrap();
    let at = [Value::F32(0.5), Value::F32(0.25), Value::F32(0.0), Value::Bool(true)];
    assert_eq!(dag.eval(&at), again.eval(&at));
    assert_eq!(dag.eval(&at), [Value::F32(-0.125 * 99_998.0)]);
}

#[test]
fn identifiers_are_listed_once_in_order() {
    let found = identifiers("a = u_x; u_t + a*sin(2*pi*x) -\n nu*u_xx + if(true, u_t, e)", "residual").unwrap();
    let names: Vec<&str> = found.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["u_x", "u_t", "x", "nu", "u_xx"]);
    assert_eq!((found[3].place.line, found[3].place.column), (2, 2));
    assert!(identifiers("u_t +", "residual").is_err());
}

#[test]
fn listings_name_what_they_share() {
    let mut text = "a0 = x; ".to_string();
    for k in 0..7 {
        text += &format!("a{} = sin(a{k})*a{k}; ", k + 1);
    }
    text += "a7";
    let dag = parse(&text, "test", &XYZ).unwrap();
    let listing = dag.to_text(&["x"]);
    assert!(listing.lines().count() > 3 && listing.len() < 400, "{listing}");
    let again = parse(&listing, "test", &XYZ).unwrap();
    let at = [Value::F32(0.7), Value::F32(0.0), Value::F32(0.0), Value::Bool(false)];
    assert_eq!(dag.eval(&at), again.eval(&at));
    assert_eq!(parse("x*u_xx - y", "test", &XYZ).unwrap().to_string(), "x0*x2 - x1");
}

/// Texts of words of the language in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "x", "y", "b", "u_xx", "sin", "max", "if", "(", ")", "(", ")", ",", "+", "-", "*", "/", "^", "**", "%", "<",
        "==", "=", ";", "and", "or", "not", "!", "1", "2.5", "1e3", "3i", "7u", "pi", "true", " ", "\n", ".", "e",
        "&&", "é", "$",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..30).prop_map(|words| words.concat())
}

fn never_panics(text: &str) {
    let names = identifiers(text, "test");
    match parse(text, "test", &XYZ) {
        Ok(dag) => {
            assert!(names.is_ok());
            dag.eval(&[Value::F32(0.5), Value::F32(1.5), Value::F32(-2.0), Value::Bool(false)]);
        }
        Err(Error::Parse { message, place }) => {
            assert!(!message.is_empty());
            let lines: Vec<&str> = text.split('\n').collect();
            assert!(place.line <= lines.len());
            assert!(place.column <= lines[place.line - 1].chars().count() + 1);
        }
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn random_texts_never_panic(text in any::<String>()) {
        never_panics(&text);
    }

    #[test]
    fn random_words_never_panic(text in soup()) {
        never_panics(&text);
    }

    #[test]
    fn what_is_printed_is_read_back(bytes in bytes(), point in any::<[u8; 8]>()) {
        let mut dag = Program::new(&bytes).dag();
        let outputs = dag.take_outputs();
        let names: Vec<(&str, Type)> = NAMES.into_iter().zip(INPUTS).collect();
        for &output in &outputs[outputs.len().saturating_sub(6)..] {
            let mut one: Dag = dag.clone();
            one.output(output);
            let text = one.to_text(&NAMES);
            let again = parse(&text, "test", &names);
            prop_assert!(again.is_ok(), "{text}: {}", again.unwrap_err());
            let again = again.unwrap();
            prop_assert_eq!(again.ty(again.outputs()[0]), one.ty(output), "{}", text);
            let at = inputs(point);
            let (a, b) = (reference::outputs(&one, &at)[0], reference::outputs(&again, &at)[0]);
            prop_assert!(a.agrees(b), "{text} at {at:?}: {a:?} became {b:?}");
        }
    }
}
