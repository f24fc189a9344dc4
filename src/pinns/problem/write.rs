//! A problem as TOML with every number resolved and every default spelt out.

use super::{Condition, Law, Problem, Reference, Residual, Stage};
use crate::pinns::sampling::Side;
use std::fmt::Write;

/// The text; reading it again gives an equal problem. Entries keep their order, which a serialiser of maps would not.
pub(super) fn problem(p: &Problem) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("name = {}", quoted(&p.name)));
    line(format!("title = {}", quoted(&p.title)));
    line(format!("unknowns = {}", list(p.unknowns.iter().map(|u| quoted(u)))));
    match &p.reference {
        None => {}
        Some(Reference::Exact(formula)) => line(format!("exact = {}", quoted(&formula.text))),
        Some(Reference::ColeHopf { .. }) => line("reference = \"cole-hopf\"".into()),
        Some(Reference::File(path)) => line(format!("reference = {}", quoted(&path.to_string_lossy()))),
    }
    if let Some(target) = p.target {
        line(format!("target = {target:?}"));
    }
    line("\n[coordinates]".into());
    for (k, name) in p.coordinates.iter().enumerate() {
        line(format!("{name} = [{:?}, {:?}]", p.domain.lower()[k], p.domain.upper()[k]));
    }
    if !p.constants.is_empty() {
        line("\n[constants]".into());
    }
    for constant in &p.constants {
        line(format!("{} = {:?}", constant.name, constant.value));
    }
    line("\n[residuals]".into());
    for residual in &p.residuals {
        line(format!("{} = {}", key(&residual.name), equation(residual)));
    }
    for condition in &p.conditions {
        line(format!("\n[[conditions]]\n{}", condition_lines(condition, p)));
    }
    line(network(p));
    line(sampling(p));
    for stage in &p.stages {
        line(stage_lines(stage));
    }
    line(format!("[evaluation]\ngrid = {}", list(p.evaluation.iter())));
    out
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A bare key where it may be bare.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_string() } else { quoted(name) }
}

fn list(items: impl Iterator<Item = impl ToString>) -> String {
    format!("[{}]", items.map(|i| i.to_string()).collect::<Vec<_>>().join(", "))
}

fn equation(residual: &Residual) -> String {
    format!("{{ equation = {}, weight = {:?} }}", quoted(&residual.text), residual.weight)
}

fn condition_lines(c: &Condition, p: &Problem) -> String {
    let faces = c.faces.iter().map(|face| {
        let end = if face.side == Side::Lower { "min" } else { "max" };
        quoted(&format!("{} = {end}", p.coordinates[face.coordinate]))
    });
    let place = format!("where = {}", list(faces));
    let law = match &c.law {
        Law::Dirichlet(value) => format!("kind = \"dirichlet\"\n{place}\nvalue = {}", quoted(&value.text)),
        Law::Initial(value) => format!("kind = \"initial\"\n{place}\nvalue = {}", quoted(&value.text)),
        Law::Periodic(k) => format!("kind = \"periodic\"\ncoordinate = {}", quoted(&p.coordinates[*k])),
        Law::Equation(residual) => format!("kind = \"equation\"\n{place}\nequation = {}", equation(residual)),
    };
    format!("name = {}\n{law}\nweight = {:?}\nhard = {}", quoted(&c.name), c.weight, c.hard)
}

fn network(p: &Problem) -> String {
    let n = &p.network;
    let activation = n.activation.name();
    let fourier = n
        .fourier
        .map(|f| format!("fourier = {{ features = {}, scale = {:?} }}\n", f.features, f.scale))
        .unwrap_or_default();
    let hidden = list(n.hidden.iter());
    format!("\n[network]\nhidden = {hidden}\nactivation = \"{activation}\"\n{fourier}seed = {}\n", n.seed)
}

fn sampling(p: &Problem) -> String {
    let s = &p.sampling;
    let adaptive = s.adaptive.map(|a| {
        let (candidates, power, floor) = (a.candidates, a.concentration.power, a.concentration.floor);
        format!("adaptive = {{ candidates = {candidates}, power = {power:?}, floor = {floor:?} }}\n")
    });
    format!(
        "[sampling]\ninterior = {}\nboundary = {}\ninitial = {}\nmethod = \"{}\"\nresample = {}\n{}",
        s.interior,
        s.boundary,
        s.initial,
        s.method.name(),
        s.resample,
        adaptive.unwrap_or_default()
    )
}

fn stage_lines(stage: &Stage) -> String {
    match stage {
        Stage::Adam { steps, learning_rate, decay, decay_every } => format!(
            "[[stages]]\noptimiser = \"adam\"\nsteps = {steps}\nlearning_rate = {learning_rate:?}\ndecay = {decay:?}\n\
             decay_every = {decay_every}\n"
        ),
        Stage::Lm { steps, damping, acceleration, trials, tolerance } => format!(
            "[[stages]]\noptimiser = \"lm\"\nsteps = {steps}\ndamping = {damping:?}\nacceleration = {acceleration}\ntrials = {trials}\n\
             tolerance = {tolerance:?}\n"
        ),
    }
}
