//! `solve`, its run folder, and `eval` on what it wrote; `list` and `adapters`.

use super::{Place, json_file, keys};
use std::fs;

/// A short run: the figures of these tests are of form, the size of the error does not matter except where a test says so.
const SHORT: &str = "solve poisson-1d --set stages.0.steps=4 --set evaluation.grid=[21]";

/// A user's own problem. u = x + sin(pi x) solves it: u'' = -pi^2 sin(pi x), u(0) = 0, u'(1) = 1 - pi.
pub(super) const OWN: &str = r#"title = "Rod with a given flux at one end"
exact = "x + sin(pi*x)"
target = 1e-3

[coordinates]
x = [0, 1]

[constants]
q = "pi^2"

[residuals]
balance = "u_xx + q*sin(pi*x) = 0"

[[conditions]]
kind = "dirichlet"
where = "x = 0"
value = 0
hard = true

[[conditions]]
kind = "equation"
where = "x = 1"
equation = "u_x = 1 - pi"
weight = 10

[network]
hidden = [12]

[sampling]
interior = 48

[[stages]]
optimiser = "lm"
steps = 40
"#;

#[test]
fn run_folder_holds_everything() {
    let place = Place::new();
    let ran = place.run(&format!("{SHORT} --out first")).ends(0);
    assert!(ran.out.contains("relative L2 error") && ran.out.contains("classical solver"), "{}", ran.out);
    let run = |name: &str| place.path("first").join(name);

    let env = json_file(&run("env.json"));
    assert_eq!(keys(&env), ["adapter", "driver", "features", "revision", "seed", "variants", "version"]);
    assert_eq!(env["version"], env!("CARGO_PKG_VERSION"));
    assert!(env["adapter"]["name"].as_str().is_some_and(|n| !n.is_empty()) && env["seed"] == 0, "{env}");
    assert_eq!(env["features"], env["adapter"]["features"]);

    let history = fs::read_to_string(run("history.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|r| r["step"].as_u64()).collect::<Vec<_>>(), [1, 2, 3, 4].map(Some));
    assert!(rows.iter().all(|r| r["loss"].as_f64().is_some_and(|l| l > 0.0)), "{history}");

    let metrics = json_file(&run("metrics.json"));
    assert_eq!(keys(&metrics), ["adapter", "experiment", "metrics", "seed", "size", "wall_s"]);
    let list = metrics["metrics"].as_array().unwrap();
    assert!(list.iter().all(|m| keys(m) == ["direction", "name", "pass", "target", "value"]), "{metrics}");
    assert_eq!((&list[0]["name"], &list[0]["target"]), (&"relative_l2_u".into(), &1e-5.into()));

    for figure in ["history", "solution"] {
        let bytes = fs::read(run("plots").join(format!("{figure}.png"))).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() > 2000, "{figure}: {} bytes", bytes.len());
    }
    assert_eq!(fs::read_dir(run("plots")).unwrap().count(), 2);
}

/// The resolved run.toml is a problem file that gives the same bits; so does the same seed, and another seed does not.
#[test]
fn same_seed_same_bits() {
    let place = Place::new();
    let model = |folder: &str| fs::read(place.path(folder).join("model.safetensors")).unwrap();
    place.run(&format!("{SHORT} --seed 7 --out a --quiet")).ends(0);
    place.run(&format!("{SHORT} --seed 7 --out b --quiet")).ends(0);
    place.run("solve a/run.toml --out again --quiet").ends(0);
    place.run(&format!("{SHORT} --seed 8 --out other --quiet")).ends(0);
    assert!(model("a") == model("b"), "two runs with one seed");
    assert!(model("a") == model("again"), "a run and its run.toml");
    assert!(model("a") != model("other"), "two seeds");
}

#[test]
fn json_is_one_document_and_quiet_is_silent() {
    let place = Place::new();
    let ran = place.run(&format!("{SHORT} --json --out a")).ends(0);
    let document = ran.json();
    assert_eq!(keys(&document), ["folder", "result", "stop"]);
    assert_eq!(document["result"], json_file(&place.path("a/metrics.json")));
    assert!(ran.err.contains("lm: 4/4 steps"), "progress belongs on standard error:\n{}", ran.err);
    let quiet = place.run(&format!("{SHORT} --quiet --out b")).ends(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let both = place.run(&format!("{SHORT} --quiet --json --out c")).ends(0);
    assert_eq!(both.err, "");
    assert_eq!(both.json()["result"]["experiment"], "poisson-1d");
}

/// Without `--out` the folder is `runs/NAME-DATE-TIME`.
#[test]
fn default_folder_is_named_for_the_problem() {
    let place = Place::new();
    place.run(&format!("{SHORT} --quiet")).ends(0);
    let names: Vec<String> =
        fs::read_dir(place.path("runs")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() == 1 && names[0].starts_with("poisson-1d-20"), "{names:?}");
}

#[test]
fn check_tells_a_missed_target() {
    let place = Place::new();
    let missed = place.run(&format!("{SHORT} --check --set target=1e-12 --out missed")).ends(1);
    for word in ["check failed", "relative_l2_u", "1e-12"] {
        assert!(missed.err.contains(word), "{word}: {}", missed.err);
    }
    assert!(missed.out.contains("MISSED"), "{}", missed.out);
    assert_eq!(json_file(&place.path("missed/metrics.json"))["metrics"][0]["pass"], false);
    // Any prediction that is not worse than ten times nothing meets this one.
    place.run(&format!("{SHORT} --check --set target=10 --out met")).ends(0);
    // The document is written before the verdict.
    let json = place.run(&format!("{SHORT} --check --json --set target=1e-12 --out json")).ends(1);
    assert_eq!(json.json()["result"]["metrics"][0]["pass"], false);
}

/// A problem that is not built in, solved to its target, then evaluated where its solution is known.
#[test]
fn own_problem_solved_and_evaluated() {
    let place = Place::new();
    place.write("own.toml", OWN);
    let solved = place.run("solve own.toml --check --json --out run").ends(0).json();
    assert_eq!(solved["result"]["experiment"], "own");
    let worst = &solved["result"]["metrics"][1];
    assert_eq!(worst["name"], "max_abs_error");
    // The grid has 1001 points; the four below lie on it, so the largest error on the grid bounds theirs. On top come the two
    // roundings of a value below 2 to f32 in the evaluation (2^-23 each), which another row of a batch may round otherwise.
    let bound = worst["value"].as_f64().unwrap() + 2.0 * f64::powi(2.0, -23);
    assert!(bound < 1e-2, "{bound}: the target is a relative error of 1e-3");

    place.write("points.csv", "note,x\n1,0\n2,0.25\n3,0.5\n4,1\n");
    let exact = |x: f64| x + (std::f64::consts::PI * x).sin();
    let check = |x: f64, u: f64| assert!((u - exact(x)).abs() <= bound, "u({x}) = {u}, exact {}", exact(x));
    let text = place.run("eval run/model.safetensors --at points.csv").ends(0);
    assert_eq!(text.err, "");
    let lines: Vec<&str> = text.out.lines().collect();
    assert_eq!((lines[0], lines.len()), ("x,u", 5));
    for line in &lines[1..] {
        let (x, u) = line.split_once(',').unwrap();
        check(x.parse().unwrap(), u.parse().unwrap());
    }
    let json = place.run("eval run/model.safetensors --at points.csv --json --out values.csv").ends(0).json();
    assert_eq!((&json["columns"], &json["rows"]), (&serde_json::json!(["x", "u"]), &4.into()));
    let table = fieldline::data::read_csv(place.path("values.csv")).unwrap();
    assert_eq!(table.columns, ["x", "u"]);
    table.values[0].iter().zip(&table.values[1]).for_each(|(&x, &u)| check(x, u));

    place.write("outside.csv", "x\n0.5\n1.5\n");
    let outside = place.run("eval run/model.safetensors --at outside.csv").ends(0);
    assert!(outside.err.contains("1 of 2 points lie outside the domain"), "{}", outside.err);
}

#[test]
fn lists_are_text_or_one_document() {
    let place = Place::new();
    let problems = place.run("list --json").ends(0).json();
    let names: Vec<&str> =
        problems["problems"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["poisson-1d", "poisson-2d", "heat", "burgers"]);
    let text = place.run("list").ends(0).out;
    assert!(names.iter().all(|n| text.contains(n)) && text.contains("5e-4"), "{text}");
    let ops = place.run("list --ops --json").ends(0).json();
    assert_eq!(ops["ops"].as_array().unwrap().len(), place.run("list --ops").ends(0).out.lines().count());
    let adapters = place.run("adapters --json").ends(0).json();
    let first = adapters["adapters"][0]["name"].as_str().unwrap().to_string();
    assert!(place.run("adapters").ends(0).out.contains(&first));
}
