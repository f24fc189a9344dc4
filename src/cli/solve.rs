//! `fieldline solve`: a differential equation from a text file to a trained, checked, pictured solution.

use super::arguments::Solve;
use super::output;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::pinns::problem::{Problem, Reference};
use crate::pinns::reference::{Solution, classical, relative_l2, solution};
use crate::pinns::solver::{Solver, Trained, check_memory};
use crate::run::{
    Env, Fields, Folder, LinePlot, Metric, Metrics, Profile, Progress, Series, Terminal, field_triptych,
    install_interrupt_handler, line_plot, profile_plot,
};
use serde_json::{Value, json};

/// How often the error is evaluated during training, for the figure of error against time: at most so many times.
const LOOKS: usize = 40;

pub(super) fn run(arguments: &Solve) -> Result<()> {
    let problem = Problem::load_with(&arguments.problem, &arguments.overrides()?)?;
    if arguments.check {
        require_target(&problem)?;
    }
    let gpu = arguments.device.open()?;
    let mut progress = Terminal::new(arguments.quiet);
    progress.message(&format!("{}: {} on {}", problem.name, problem.title, gpu.facts().name));
    problem.warnings().iter().for_each(|w| progress.message(&format!("warning: {w}")));
    // Before the folder is made: a size that does not fit or a mistake in the reference leaves nothing behind.
    check_memory(&gpu, &problem)?;
    let reference = trusted(&problem)?;
    let mut folder = Folder::create(arguments.out.as_deref(), &problem.name)?;
    install_interrupt_handler()?;
    folder.write_config(&problem.to_toml())?;
    folder.write_env(&environment(&gpu, &problem)?)?;
    let (trained, errors) = train(&gpu, &problem, reference.as_ref(), &mut folder, &mut progress)?;
    let report = Report::new(&gpu, &problem, &trained, reference)?;
    trained.model.save(&folder.model_path())?;
    folder.write_metrics(&report.metrics)?;
    plots(&folder, &problem, &trained, &report, &errors)?;
    if arguments.json {
        let metrics: Value = serde_json::from_slice(&report.metrics.to_json()?)
            .map_err(|e| Error::argument("json", "the metrics document", e))?;
        output::json(&json!({"folder": folder.path(), "stop": trained.stop, "result": metrics}))?;
    } else if !arguments.quiet {
        output::text(&report.text(&problem, &trained, &folder))?;
    }
    if arguments.check { report.metrics.check() } else { Ok(()) }
}

/// A check needs something to check: without it every run would pass.
fn require_target(problem: &Problem) -> Result<()> {
    let missing = match (problem.target, &problem.reference) {
        (Some(_), Some(_)) => return Ok(()),
        (None, Some(_)) => "no target",
        (Some(_), None) => "no reference",
        (None, None) => "neither",
    };
    let expected = "a problem with `target` and with `exact` or `reference` (add them to the file, or use --set)";
    Err(Error::argument("--check", expected, missing))
}

/// The trusted solution. Values that are not finite are a mistake of the problem or of its file, not a failed check.
fn trusted(problem: &Problem) -> Result<Option<Solution>> {
    solution(problem).map_err(|error| match (error, &problem.reference) {
        (Error::Numerical { problem: what, .. }, Some(Reference::File(path))) => {
            let what = what.split(';').next().unwrap_or(&what);
            Error::file(path, format!("expected finite values of the solution; {what}"))
        }
        (Error::Numerical { problem: what, .. }, Some(Reference::Exact(formula))) => {
            Error::argument("exact", "finite values in the whole domain", format!("`{}`: {what}", formula.text))
        }
        (other, _) => other,
    })
}

fn environment(gpu: &Gpu, problem: &Problem) -> Result<Env> {
    let facts = gpu.facts();
    let mut env = Env::new(problem.network.seed);
    env.adapter = serde_json::to_value(facts).map_err(|e| Error::argument("adapter facts", "a JSON value", e))?;
    env.driver = Some(format!("{} {}", facts.driver, facts.driver_info).trim().to_string());
    env.features.clone_from(&facts.features);
    Ok(env)
}

/// Relative L2 errors during training: (seconds, error).
type Errors = Vec<(f64, f64)>;

fn train(
    gpu: &Gpu,
    problem: &Problem,
    reference: Option<&Solution>,
    folder: &mut Folder,
    progress: &mut dyn Progress,
) -> Result<(Trained, Errors)> {
    let solver = Solver::new(gpu, problem)?;
    let parameters = solver.parameters();
    progress.message(&format!("{parameters} parameters; run folder {}", folder.path().display()));
    let mut errors = Errors::new();
    let points = reference.map(Solution::points).unwrap_or_default();
    let mut evaluator = crate::pinns::solver::Evaluator::new(gpu, problem, points.len() / problem.domain.dimension())?;
    let mut rows = 0;
    let mut next = 1;
    let trained = solver.run(progress, &mut |row, theta| {
        folder.append_history(row)?;
        rows += 1;
        if let Some(reference) = reference
            && rows >= next
            && errors.len() < LOOKS
        {
            next = rows + (rows / 8).max(1);
            let values = evaluator.evaluate(theta, &points)?;
            errors.push((row.seconds, relative_l2(&values, &reference.values)?));
        }
        Ok(())
    })?;
    Ok((trained, errors))
}

/// What is known at the end of a run.
struct Report {
    metrics: Metrics,
    /// The trusted solution and the trained one on its grid.
    compared: Option<(Solution, Vec<f64>)>,
    /// The classical solver's name, error and seconds.
    classical: Option<(String, f64, f64)>,
}

impl Report {
    fn new(gpu: &Gpu, problem: &Problem, trained: &Trained, reference: Option<Solution>) -> Result<Self> {
        let mut metrics = Vec::new();
        let mut compared = None;
        let mut beside = None;
        if let Some(reference) = reference {
            let values = trained.model.evaluate(gpu, &reference.points())?;
            let error = relative_l2(&values, &reference.values)?;
            let name = format!("relative_l2_{}", problem.unknowns[0]);
            metrics.push(match problem.target {
                Some(target) => Metric::at_most(name, error, target),
                None => Metric::reported(name, error),
            });
            let worst = values.iter().zip(&reference.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            metrics.push(Metric::reported("max_abs_error", worst));
            if let Some(classical) = classical(problem)?
                && classical.values.len() == reference.values.len()
            {
                let error = relative_l2(&classical.values, &reference.values)?;
                metrics.push(Metric::reported("classical_relative_l2", error));
                metrics.push(Metric::reported("classical_seconds", classical.seconds));
                beside = Some((classical.name, error, classical.seconds));
            }
            compared = Some((reference, values));
        }
        let last = trained.history.last().map_or(f64::NAN, |row| row.loss);
        metrics.push(Metric::reported("loss", last));
        metrics.push(Metric::reported("training_seconds", trained.seconds));
        let steps = trained.history.last().map_or(0, |row| row.step);
        metrics.push(Metric::reported("steps", steps as f64));
        let metrics = Metrics {
            experiment: problem.name.clone(),
            seed: problem.network.seed,
            size: "small".into(),
            adapter: gpu.facts().name.clone(),
            wall_s: trained.seconds,
            metrics,
        };
        Ok(Report { metrics, compared, classical: beside })
    }

    fn text(&self, problem: &Problem, trained: &Trained, folder: &Folder) -> String {
        let mut lines = Vec::new();
        let find = |name: &str| self.metrics.metrics.iter().find(|m| m.name == name);
        if let Some(m) = find(&format!("relative_l2_{}", problem.unknowns[0])) {
            let verdict = match (m.target, m.pass()) {
                (Some(t), true) => format!(" (target {t:.1e}: met)"),
                (Some(t), false) => format!(" (target {t:.1e}: MISSED)"),
                (None, _) => String::new(),
            };
            lines.push(format!("relative L2 error   {:.3e}{verdict}", m.value));
        } else {
            lines.push("no reference: the error is unknown (give `exact` or `reference` in the problem file)".into());
        }
        if let Some((name, error, seconds)) = &self.classical {
            lines.push(format!("classical solver    {error:.3e} in {seconds:.3} s ({name})"));
        }
        if let Some(m) = find("loss") {
            lines.push(format!("loss                {:.3e}", m.value));
        }
        let dispatches: Vec<String> = trained.dispatches.iter().map(|(stage, n)| format!("{stage}: {n}")).collect();
        lines.push(format!("training            {:.1} s; {}", trained.seconds, trained.stop));
        lines.push(format!("dispatches a step   {}", dispatches.join(", ")));
        lines.push(format!("results             {}", folder.path().display()));
        lines.push("  model.safetensors, metrics.json, history.jsonl, plots/*.png\n".to_string());
        lines.join("\n")
    }
}

fn plots(folder: &Folder, problem: &Problem, trained: &Trained, report: &Report, errors: &Errors) -> Result<()> {
    let losses = trained.history.iter().map(|row| (row.seconds, row.loss)).collect();
    let mut series = vec![Series { label: "loss".into(), points: losses }];
    if !errors.is_empty() {
        series.push(Series { label: "relative L2 error".into(), points: errors.clone() });
    }
    let plot = LinePlot {
        title: format!("{}: loss and error against time", problem.title),
        x_label: "seconds".into(),
        y_label: String::new(),
        log_x: false,
        log_y: true,
        series,
    };
    line_plot(&folder.plot_path("history"), &plot)?;
    let Some((reference, values)) = &report.compared else { return Ok(()) };
    let path = folder.plot_path("solution");
    match &reference.axes[..] {
        [x] => profile_plot(
            &path,
            &Profile {
                title: problem.title.clone(),
                x,
                prediction: values,
                reference: &reference.values,
                x_label: problem.coordinates[0].clone(),
                y_label: problem.unknowns[0].clone(),
            },
        ),
        [x, y] => {
            // The figure's rows are the second coordinate; values come with the first coordinate slowest.
            let turn = |v: &[f64]| -> Vec<f64> {
                (0..y.len()).flat_map(|j| (0..x.len()).map(move |i| v[i * y.len() + j])).collect()
            };
            let (prediction, exact) = (turn(values), turn(&reference.values));
            field_triptych(
                &path,
                &Fields {
                    title: problem.title.clone(),
                    x,
                    y,
                    prediction: &prediction,
                    reference: &exact,
                    x_label: problem.coordinates[0].clone(),
                    y_label: problem.coordinates[1].clone(),
                },
            )
        }
        _ => Ok(()),
    }
}
