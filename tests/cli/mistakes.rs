//! A user's mistakes: each gives one clear line with the file, line or key, what was expected and what to do, and exit code 2
//! (3 without an adapter).

use super::solve::OWN;
use super::{Place, Ran};
use fieldline::data::write_npz;
use fieldline::tensor::Array;
use std::collections::BTreeMap;
use std::fs;

/// Solves `OWN` with `from` replaced by `to`, which must be refused before a run folder is made.
fn broken(from: &str, to: &str) -> Ran {
    assert!(OWN.contains(from), "the test replaces {from:?}");
    let place = Place::new();
    place.write("own.toml", OWN.replacen(from, to, 1));
    let ran = place.run("solve own.toml --out run").ends(2);
    assert!(!place.path("run").exists(), "a mistake leaves no folder");
    ran
}

/// The first condition of `OWN`, and both.
fn conditions() -> [&'static str; 2] {
    let begin = OWN.find("[[conditions]]").unwrap();
    let end = OWN.find("[network]").unwrap();
    let second = OWN.rfind("[[conditions]]").unwrap();
    [&OWN[begin..second], &OWN[begin..end]]
}

fn save(place: &Place, name: &str, arrays: &[(&str, &[usize], &[f32])]) {
    let arrays: BTreeMap<String, Array> = arrays
        .iter()
        .map(|(n, shape, values)| (n.to_string(), Array::f32(shape.to_vec(), values.to_vec()).unwrap()))
        .collect();
    write_npz(place.path(name), &arrays).unwrap();
}

#[test]
fn unknown_variable() {
    broken("u_xx + q", "v_xx + q").says(&[
        "unknown name `v_xx`",
        "own.toml:12:12",
        "(known: x, q, u)",
        "derivatives are written u_x, u_xx",
    ]);
    broken("u_xx + q", "u_xx + qq").says(&["unknown name `qq`", "did you mean `q`?", "own.toml:12:19"]);
    broken("u_xx + q", "u_yy + q").says(&["`u_yy` is no derivative", "coordinates (x)", "own.toml:12:12"]);
    broken("\"x = 0\"", "\"y = 0\"").says(&[
        "conditions.0.where",
        "unknown coordinate `y`",
        "own.toml:16",
        "Coordinates: x",
    ]);
}

/// No condition at all is refused; too few are a warning, because a soft problem can still be computed.
#[test]
fn missing_boundary() {
    let [first, both] = conditions();
    broken(both, "").says(&["no conditions", "own.toml", "add [[conditions]]", "where = \"boundary\""]);
    broken("where = \"x = 0\"\n", "").says(&["conditions.0.where", "is missing", "own.toml:14", "add where ="]);
    broken("\"x = 0\"", "\"x = 0.5\"").says(&[
        "no face of the domain",
        "`x = 0` (min)",
        "`x = 1` (max)",
        "own.toml:16",
    ]);
    let place = Place::new();
    place.write("own.toml", OWN.replacen(first, "", 1));
    let ran = place.run("solve own.toml --out run --set stages.0.steps=1 --set evaluation.grid=[11]").ends(0);
    for word in ["warning:", "order 2 in x", "1 of the conditions", "add conditions at \"x = 0\""] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

#[test]
fn unknown_key() {
    broken("hidden", "hiden").says(&[
        "unknown key `hiden` in `network`",
        "Did you mean `hidden`?",
        "own.toml:27:1",
        "Allowed:",
    ]);
    broken("target", "targt").says(&["unknown key `targt`", "Did you mean `target`?", "own.toml:3:1"]);
    broken("hidden = [12]", "hidden = [12").says(&["no valid TOML", "own.toml:29"]);
    broken("\"lm\"", "\"lbfgs\"").says(&["stages.0.optimiser", "\"adam\", \"lm\"", "got \"lbfgs\"", "own.toml:33"]);
    let place = Place::new();
    place.run("solve heat --set stages.0.stepz=3").ends(2).says(&["--set stages.0.stepz", "Did you mean `steps`?"]);
    place.run("solve heat --set stages.7.steps=3").ends(2).says(&["--set stages.7.steps", "an index below 1"]);
    place.run("solve heat --set steps").ends(2).says(&["--set", "KEY.PATH=VALUE", "got `steps`"]);
    place.run("solve burger").ends(2).says(&["burger", "no such problem file", "did you mean burgers?"]);
    place.run("solve heat --seed -1").ends(2).says(&["'-1'", "--seed"]);
    place.run("frobnicate").ends(2).says(&["frobnicate", "--help"]);
}

#[test]
fn wrong_dimension() {
    broken("x = [0, 1]", "x = [0, 1, 2]").says(&[
        "coordinates.x",
        "a range of two numbers",
        "got a list of 3",
        "own.toml:6",
    ]);
    broken("[network]", "[evaluation]\ngrid = [11, 11]\n\n[network]").says(&[
        "evaluation.grid",
        "a list of 1",
        "got 2",
        "own.toml",
    ]);
    let place = Place::new();
    save(&place, "in.npz", &[("a0", &[2, 3], &[0.0; 6]), ("a1", &[4, 2], &[0.0; 8])]);
    let ran = place.run("op matmul --in in.npz --out out.npz").ends(2);
    ran.says(&["in.npz", "matmul", "[2, 3] x [4, 2]", "inner sizes 3 and 4 differ"]);
    assert!(!ran.err.contains("src/"), "our own lines mean nothing to the caller: {}", ran.err);
    place.run("op sum --in in.npz --out out.npz").ends(2).says(&["op `sum`", "1 operand (a0; axes)", "got 2"]);

    // A reference on another grid than its axes say.
    place.write("own.toml", OWN.replacen("exact = \"x + sin(pi*x)\"", "reference = \"known.npz\"", 1));
    save(&place, "known.npz", &[("x", &[3], &[0.0, 0.5, 1.0]), ("u", &[2], &[0.0, 1.0])]);
    let ran = place.run("solve own.toml --out run").ends(2);
    assert!(!place.path("run").exists());
    for word in ["known.npz", "array `u`", "expected shape [3]", "got [2]"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

/// Sizes that no machine has are refused before anything is allocated, with the key to lower.
#[test]
fn sizes_that_do_not_fit() {
    let points = "interior = 48";
    broken(points, "interior = 2000000000").says(&[
        "sampling.interior: expected",
        "2000000000 points",
        "not 7.5 GiB",
        "one storage binding of",
        "fewer points",
        "got 2000000000",
    ]);
    // 30000200 rows of 37 parameters are 4.1 GiB, more than a 32-bit binding; the coordinates of the points alone are less
    // than 128 MiB, which every device binds.
    broken(points, "interior = 30000000").says(&[
        "sampling.interior: expected",
        "30000200 rows and 37 columns",
        "4.1 GiB",
    ]);
    broken(points, "boundary = 2000000000").says(&["sampling.boundary: expected", "got 2000000000"]);
    // 100001 * 100000 + 300001 = 10000400001 parameters.
    broken("hidden = [12]", "hidden = [100000, 100000]").says(&[
        "network.hidden: expected 10000400001 parameters",
        "not 37.3 GiB",
        "a smaller network",
        "got [100000, 100000]",
    ]);
    // Products beyond 64 bits.
    let wide = "[2147483648, 2147483648, 2147483648, 2147483648, 2147483648, 2147483648]";
    broken("hidden = [12]", &format!("hidden = {wide}")).says(&["network.hidden: expected", "EiB"]);
    broken("hidden = [12]", "fourier = { features = 2000000000 }").says(&["network.fourier.features: expected"]);
    // One point and the 200 of the boundary: 2.2 GiB of a Jacobian, or else 3 * 8 * 3000001^2 bytes of normal equations.
    broken("hidden = [12]\n\n[sampling]\ninterior = 48", "hidden = [1000000]\n\n[sampling]\ninterior = 1")
        .says(&["network.hidden: expected", "3000001 "]);
}

#[test]
fn data_that_is_not_finite() {
    broken("value = 0", "value = nan").says(&["conditions.0.value", "expected a finite number", "own.toml:17:9"]);
    broken("value = 0", "value = \"log(-1)\"").says(&["conditions.0.value", "expected finite values", "own.toml:17"]);
    broken("x = [0, 1]", "x = [0, nan]").says(&["coordinates.x", "a finite number", "own.toml:6"]);
    broken("weight = 10", "weight = nan").says(&["conditions.1.weight", "a positive number", "own.toml"]);
    let ran = broken("x + sin(pi*x)", "log(x - 2)");
    for word in ["exact", "finite values", "log(x - 2)", "x = 0"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    let place = Place::new();
    place.write("own.toml", OWN.replacen("exact = \"x + sin(pi*x)\"", "reference = \"known.npz\"", 1));
    save(&place, "known.npz", &[("x", &[3], &[0.0, 0.5, 1.0]), ("u", &[3], &[0.0, f32::NAN, 1.0])]);
    let ran = place.run("solve own.toml --out run").ends(2);
    for word in ["known.npz", "expected finite values", "x = 0.5", "NaN"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    assert!(!place.path("run").exists());
}

#[test]
fn files_of_another_kind() {
    let place = Place::new();
    place.write("text.npz", "these are words");
    place.run("op sum --in text.npz --out out.npz").ends(2).says(&[
        "text.npz",
        "not an npz file",
        "expected a zip archive",
    ]);
    place.run("op sum --in none.npz --out out.npz").ends(2).says(&["none.npz", "cannot read"]);
    save(&place, "in.npz", &[("a0", &[1], &[1.0]), ("b", &[1], &[1.0])]);
    place.run("op sum --in in.npz --out out.npz").ends(2).says(&["in.npz", "expected arrays a0, a1", "got `b`"]);
    save(&place, "in.npz", &[("a0", &[1], &[1.0])]);
    place.run("op sum --in in.npz --out out.npz --grad").ends(2).says(&["in.npz", "g0"]);
    place.run("op summ --in in.npz --out out.npz").ends(2).says(&["`summ`", "did you mean `sum`?", "list --ops"]);
    place.run("op sum --in in.npz --out out.npz --attrs {bad").ends(2).says(&["--attrs", "a JSON object"]);
    place.run("op cast --in in.npz --out out.npz").ends(2).says(&["attribute `dtype`", "expected a text, got nothing"]);
    place.run("op argmax --in in.npz --out out.npz").ends(2).says(&["attribute `axis`", "whole number, got nothing"]);
    place.run("op add --in in.npz --out out.npz").ends(2).says(&["op `add`", "expected 2 operands (a0, a1), got 1"]);
    place
        .run_list(&["op", "sum", "--in", "in.npz", "--out", "out.npz", "--attrs", "{\"axs\": [0]}"], &[])
        .ends(2)
        .says(&["attribute `axs`", "expected no attribute of this name", "got [0]"]);
    place.run("op sum --in in.npz --out no/out.npz").ends(2).says(&["out.npz", "does not exist"]);
    place.write("points.csv", "x\n0.5\n");
    place.run("eval text.npz --at points.csv").ends(2).says(&["text.npz", "safetensors"]);
    place.run("solve points.csv").ends(2).says(&["points.csv:1", "no valid TOML"]);
}

#[test]
fn points_that_do_not_fit() {
    let place = Place::new();
    place.run("solve poisson-1d --quiet --out run --set stages.0.steps=1 --set evaluation.grid=[11]").ends(0);
    let eval = |text: &str| {
        place.write("points.csv", text);
        place.run("eval run/model.safetensors --at points.csv").ends(2)
    };
    eval("y\n0.5\n").says(&["points.csv", "expected columns x", "got y"]);
    eval("x\n0.5\nnan\n").says(&["points.csv", "line 3, column `x`", "a finite number", "\"nan\""]);
    eval("x\n0.5\nhalf\n").says(&["points.csv", "line 3", "\"half\""]);
    eval("0.5\n").says(&["points.csv", "line 1", "expected a header"]);
    place.run("eval run/model.safetensors --at none.csv").ends(2).says(&["none.csv", "cannot read"]);
    let before = fs::read(place.path("run/model.safetensors")).unwrap();
    let again = place.run("solve poisson-1d --out run").ends(2);
    for word in ["--out", "new or empty", "`run`"] {
        assert!(again.err.contains(word), "{word}: {}", again.err);
    }
    assert!(before == fs::read(place.path("run/model.safetensors")).unwrap(), "an earlier run is left alone");
}

/// A check without anything to check would pass whatever the run computed.
#[test]
fn check_without_a_target() {
    let place = Place::new();
    place.write("own.toml", OWN.replacen("target = 1e-3\n", "", 1));
    place.run("solve own.toml --check --out run").ends(2).says(&["--check", "`target`", "got no target"]);
    place.write("own.toml", OWN.replacen("exact = \"x + sin(pi*x)\"\n", "", 1));
    place.run("solve own.toml --check --out run").ends(2).says(&[
        "--check",
        "`exact` or `reference`",
        "got no reference",
    ]);
    assert!(!place.path("run").exists());
}

#[test]
fn no_such_adapter() {
    let place = Place::new();
    for selector in ["voodoo", "99", "gl:voodoo"] {
        let ran = place.run(&format!("solve heat --out run --adapter {selector}")).ends(2);
        ran.says(&["adapter", "one of the adapters [0: ", &format!("got `{selector}`")]);
    }
    let ran = place.run_list(&["solve", "heat", "--out", "run"], &[("FIELDLINE_ADAPTER", "voodoo")]).ends(2);
    ran.says(&["FIELDLINE_ADAPTER", "one of the adapters", "got `voodoo`"]);
    assert!(!place.path("run").exists());
}

/// A machine without a driver: the loader finds no manifest, and OpenGL is not asked.
#[test]
#[cfg(target_os = "linux")]
fn no_adapter_at_all() {
    let place = Place::new();
    let none = [("VK_DRIVER_FILES", "/nonexistent"), ("VK_ICD_FILENAMES", "/nonexistent"), ("WGPU_BACKEND", "vulkan")];
    let words = ["no adapter for compute shaders was found", "Install a driver", "apt-get install mesa-vulkan-drivers"];
    place.run_list(&["solve", "heat", "--out", "run"], &none).ends(3).says(&words);
    assert!(!place.path("run").exists());
    place.run_list(&["adapters"], &none).ends(3).says(&words);
    let json = place.run_list(&["adapters", "--json"], &none).ends(3);
    assert_eq!(json.json(), serde_json::json!({"adapters": []}));
    assert!(json.err.contains(words[0]), "{}", json.err);
    // What needs no device works without one.
    place.run_list(&["list"], &none).ends(0);
}
