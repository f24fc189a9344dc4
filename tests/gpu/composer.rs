//! The WGSL composer, without a device.

use fieldline::error::{Error, Result};
use fieldline::gpu::{Composed, Composer, ParamsMode, Requirement};

fn composed(text: &str) -> String {
    compose_text(Composer::new(), text).expect("composes").source
}

fn compose_text(composer: Composer, text: &str) -> Result<Composed> {
    composer.compose_text("text", text)
}

/// Message and 1-based line of the error that `text` gives.
fn parse_error(composer: Composer, text: &str) -> (String, usize) {
    match compose_text(composer, text) {
        Err(Error::Parse { message, place }) => {
            assert_eq!(place.text, text.lines().nth(place.line - 1).unwrap(), "the place quotes its line");
            (message, place.line)
        }
        other => panic!("expected a parse error for {text:?}, got {other:?}"),
    }
}

#[test]
fn names_are_replaced_by_values_of_expressions() {
    let composer = Composer::new().define("N", 4).define("T", "f32").define("WIDE", true);
    let source = compose_text(composer, "a{{N}} {{T}} {{ N*4+1 }} {{(N - 1) << 2}} {{-N % 3}} {{N / 2}}{{WIDE}}")
        .unwrap()
        .source;
    assert_eq!(source, "a4 f32 17 12 -1 21\n");
}

#[test]
fn conditions_choose_one_arm() {
    let text = "#if N == 4 // four\nfour\n#elif N > 4 && !SMALL\nmore\n#else\nless\n#endif\nend";
    let source = |n: i32| compose_text(Composer::new().define("N", n), text).unwrap().source;
    assert_eq!(source(4), "four\nend\n");
    assert_eq!(source(9), "more\nend\n");
    assert_eq!(source(1), "less\nend\n");
    // A name that nobody defined is 0 in a condition, so `!SMALL` held above; defined, it decides.
    let small = compose_text(Composer::new().define("N", 9).define("SMALL", true), text).unwrap().source;
    assert_eq!(small, "less\nend\n");
    let text = "#if T == \"f16\"\nhalf\n#endif\n#if T != \"f16\" || 0\nfull\n#endif";
    assert_eq!(compose_text(Composer::new().define("T", "f32"), text).unwrap().source, "full\n");
    assert_eq!(composed("#if 0\n#if 1\na\n#else\nb\n#endif\n#else\nc\n#endif"), "c\n");
}

#[test]
fn loops_unroll_and_nest() {
    let text =
        "#for i in 0..N\n#for j in i..2\nx[{{i}}][{{j}}] = {{i*4+j}};\n#if i == j\ndiagonal\n#endif\n#endfor\n#endfor";
    let source = compose_text(Composer::new().define("N", 3), text).unwrap().source;
    assert_eq!(source, "x[0][0] = 0;\ndiagonal\nx[0][1] = 1;\nx[1][1] = 5;\ndiagonal\n");
    assert_eq!(composed("#for i in 3..3\nnever\n#endfor\nend"), "end\n");
}

#[test]
fn defaults_yield_to_definitions() {
    let text = "#default N 3\n#default BODY \"x\"\n{{N}}\n#insert BODY\n";
    assert_eq!(composed(text), "3\nx\n");
    let given = Composer::new().define("N", 5).insert("BODY", "#for i in 0..2\ny{{i}} = {{N}};\n#endfor");
    assert_eq!(compose_text(given, text).unwrap().source, "5\ny0 = 5;\ny1 = 5;\n");
}

#[test]
fn imports_come_once_and_in_front() {
    let source = composed("fn f() {\n#import lib/index\n}\n#import lib/index");
    assert_eq!(source.matches("fn linear_group(").count(), 1);
    assert!(source.find("fn linear_group(") < source.find("fn f()"), "an import inside a function is hoisted");
}

#[test]
fn enable_lines_belong_to_the_composer() {
    let both = compose_text(Composer::new(), "#require subgroups\n#require f16\nx\n").unwrap();
    assert_eq!(both.source, "enable f16;\nx\n", "naga rejects `enable subgroups;`");
    assert_eq!(both.requirements, [Requirement::F16, Requirement::Subgroups]);
    let (message, line) = parse_error(Composer::new(), "x\n  enable f16;");
    assert!(message.contains("#require") && line == 2, "{message}");
}

#[test]
fn parameters_have_two_forms_of_the_same_length() {
    let module = compose_text(Composer::new(), "// first\n#params P\nstruct P { n: u32 }\n").unwrap();
    assert_eq!(module.source, "// first\nvar<immediate> params: P;\nstruct P { n: u32 }\n");
    let uniform = module.text(ParamsMode::Uniform);
    assert_eq!(uniform, "// first\n@group(1) @binding(0) var<uniform> params: P;\nstruct P { n: u32 }\n");
}

#[test]
fn every_wrong_directive_is_an_error_with_its_line() {
    let cases = [
        ("ok\n#nonsense x", "unknown directive `#nonsense`", 2),
        ("#import", "needs a name", 1),
        ("#import lib/nonsense", "no shader `lib/nonsense`", 1),
        ("#if 1\nx", "without `#endif`", 1),
        ("x\n#endif", "without its beginning", 2),
        ("#else\n", "without its beginning", 1),
        ("#if\n#endif", "needs a condition", 1),
        ("#if 1\n#else\n#else\n#endif", "behind `#else`", 3),
        ("#if 1\n#else x\n#endif", "takes no condition", 2),
        ("#if 1\n#endfor", "`#endfor` inside the `#if`", 2),
        ("#if 1 +\n#endif", "got the end", 1),
        ("#if 0x\n#endif", "no whole number", 1),
        ("#if (1\n#endif", "missing `)`", 1),
        ("#if 1 2\n#endif", "cannot read `2`", 1),
        ("#if \"a\" == 1\n#endif", "cannot compare", 1),
        ("#if \"a\" < 1\n#endif", "expected a number", 1),
        ("#if 1 / 0\n#endif", "has no value", 1),
        ("#if 1 << 63\n#endif", "cannot shift", 1),
        ("#if 9223372036854775807 + 1\n#endif", "too large", 1),
        ("#for i in 0..2\nx", "without `#endfor`", 1),
        ("#for i\n#endfor", "expected `#for name in low..high`", 1),
        ("#for 1 in 0..2\n#endfor", "expected `#for name in low..high`", 1),
        ("#for i in 0..\"a\"\n#endfor", "no loop bound", 1),
        ("#for i in 0..M\n#endfor", "`M` is not defined", 1),
        ("#for i in 0..2\n#endif", "`#endif` inside the `#for`", 2),
        ("#for i in 0..2\n#for i in 0..2\n#endfor\n#endfor", "is taken already", 2),
        ("#for i in 0..1000000000\n#endfor", "lines", 1),
        ("\n{{M}}", "`M` is not defined", 2),
        ("{{1", "without `}}`", 1),
        ("#insert BODY", "no text was given", 1),
        ("#require f17", "unknown feature `f17`", 1),
        ("#params two words", "expected the name of a struct", 1),
        ("#params A\n#params B", "one parameter block", 2),
        ("#default N", "expected `#default NAME value`", 1),
        ("#default N 1\n#default N 2", "has the default `1` already", 2),
    ];
    for (text, expected, line) in cases {
        let (message, at) = parse_error(Composer::new(), text);
        assert!(message.contains(expected) && at == line, "{text:?}: line {at}: {message}");
    }
}

#[test]
fn inserts_that_insert_themselves_and_circles_end() {
    let text = "#insert A";
    let Err(Error::Parse { message, .. }) = compose_text(Composer::new().insert("A", "#insert A"), text) else {
        panic!("expected an error");
    };
    assert!(message.contains("inserts itself"), "{message}");
    let Err(Error::Parse { message, place }) = Composer::new().compose("test/circle_a") else {
        panic!("expected an error");
    };
    assert!(message.contains("test/circle_a -> test/circle_b -> test/circle_a"), "{message}");
    assert_eq!((place.source.as_str(), place.line), ("shaders/test/circle_b.wgsl", 2));
    let Err(Error::Argument { expected, got, .. }) = Composer::new().compose("lib/nonsense") else {
        panic!("expected an error");
    };
    assert!(expected.contains("lib/index") && got.contains("lib/nonsense"), "{expected}, {got}");
}

#[test]
fn errors_of_naga_name_the_original_file_and_line() {
    let all = naga::valid::Capabilities::all();
    // A parse error behind an import, an `#if` and a loop: composed line and original line differ.
    let text = "#import lib/index\n#if 0\n\n\n#endif\nfn f() {\n#for i in 0..3\nlet a{{i}} = 1;\n#endfor\nlet ü = 1; let b = ;\n}\n";
    let module = compose_text(Composer::new(), text).unwrap();
    let Err(Error::Parse { place, .. }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    // Column 20: characters, not bytes, up to the `;` where an expression was expected.
    assert_eq!((place.source.as_str(), place.line, place.column), ("text", 10, 20));
    assert_eq!(place.text, "let ü = 1; let b = ;");
    // A type error inside an imported file.
    let module = compose_text(Composer::new(), "#import test/broken\n").unwrap();
    let Err(Error::Parse { place, .. }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    assert_eq!((place.source.as_str(), place.line), ("shaders/test/broken.wgsl", 6));
    // An error of the validator, not of the parser: a function that does not return.
    let module = compose_text(Composer::new(), "// a\nfn f() -> f32 {\n}\n").unwrap();
    let Err(Error::Parse { message, place }) = module.validate(ParamsMode::Immediate, all) else {
        panic!("expected an error")
    };
    assert_eq!(place.source, "text", "{message}");
    assert!(place.line == 2 || place.line == 3, "{message} at {}", place.line);
}
